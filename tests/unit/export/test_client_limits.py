"""What one client may have at once and a day: its further exports wait, or are refused."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.domain.access import ClientRules
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import SystemError as SystemFailure
from rowferry.domain.quota import Usage
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import TaskState
from rowferry.export.day_quotas import DayQuotas
from rowferry.taskstore.memory import MemoryTaskStore
from tests.unit.export.in_memory import EventNotes, Site, numbered, with_settings

MakeSpec = Callable[..., ExportSpec]
ROW = ("1", "a")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = "2026-05-01"


@dataclass
class Rules:
    """What clients may do; nobody but "shop" has limits."""

    shop: ClientRules = field(default_factory=ClientRules)

    def rules(self, client: str) -> ClientRules:
        return self.shop if client == "shop" else ClientRules()

    def is_enabled(self, client: str) -> bool:
        return bool(client)


@pytest.fixture
def rules() -> Rules:
    return Rules()


@pytest.fixture
def site(site: Site, rules: Rules, events: EventNotes) -> Site:
    config = with_settings(site.config, concurrency={"max_concurrent_tasks": 2})
    return Site(config, replace(site.adapters, client_rules=rules), events)


async def refusal(site: Site, spec: ExportSpec, client: str = "shop") -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        await site.exports.intake.open(client, spec)
    return caught.value


async def test_exports_over_the_clients_share_wait_and_others_pass_them(
    site: Site, rules: Rules, make_spec: MakeSpec
) -> None:
    rules.shop = ClientRules(max_running=1)
    async with site.running():
        site.writers.gate.close()
        first = await site.push(make_spec(request_id="first"), [ROW])
        await site.writers.gate.reached()
        second = await site.push(make_spec(request_id="second"), [ROW])
        other = await site.push(make_spec(request_id="other"), [ROW], client="other")
        await wait_all_tasks_blocked()
        assert second.task.state is TaskState.QUEUED
        assert {first.task.state, other.task.state} == {TaskState.PROCESSING}
        site.writers.gate.open()
        for live in (first, second, other):
            assert (await site.ended(live)).state is TaskState.COMPLETED


async def test_line_of_a_client_is_as_long_as_it_may_be(
    site: Site, rules: Rules, make_spec: MakeSpec
) -> None:
    rules.shop = ClientRules(max_queued=2)
    for number in range(2):
        await site.open(make_spec(request_id=f"{number}"))
    refused = await refusal(site, make_spec(request_id="2"))
    assert refused.code is ErrorCode.RATE_LIMITED
    assert refused.context == {"retry_after_seconds": "10"}
    await site.open(make_spec(request_id="0"))  # the same request is no new one
    await site.open(make_spec(request_id="2"), client="other")


async def test_batches_past_the_days_rows_are_refused_and_those_before_kept(
    site: Site, rules: Rules, make_spec: MakeSpec
) -> None:
    rules.shop = ClientRules(rows_per_day=3)
    with await site.open(make_spec()) as session:
        await session.append(numbered([[ROW, ROW]]))
        await session.append(numbered([[ROW, ROW]], start=2))  # goes past it by itself
        with pytest.raises(RowferryError) as refused:
            await session.append(numbered([[ROW]], start=3))
    assert refused.value.code is ErrorCode.RATE_LIMITED
    assert 0 < int(refused.value.context["retry_after_seconds"]) <= 86_400
    assert session.live.log.rows == 4
    assert (await refusal(site, make_spec(request_id="next"))).code is ErrorCode.RATE_LIMITED


async def test_batch_that_comes_again_counts_once(
    site: Site, rules: Rules, make_spec: MakeSpec
) -> None:
    rules.shop = ClientRules(bytes_per_day=1_000)
    batches = numbered([[ROW]])
    with await site.open(make_spec()) as session:
        for _ in range(200):
            await session.append(batches)


async def test_task_whose_client_used_up_its_day_goes_on_when_it_may_send_again(
    site: Site, rules: Rules, make_spec: MakeSpec
) -> None:
    rules.shop = ClientRules(rows_per_day=1)
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(numbered([[ROW]]))
            with pytest.raises(RowferryError):
                await session.append(numbered([[ROW]], start=2))
        rules.shop = ClientRules(rows_per_day=10)
        admission = await site.exports.intake.resume("shop", session.live.task.id)
        assert admission.session is not None
        with admission.session as again:
            await again.append(numbered([[ROW]], start=2))
            await again.end(2)
        assert (await site.ended(again.live)).rows_written == 2


class Node:
    """One node's counts on a store that others share."""

    def __init__(self, node_id: str, store: MemoryTaskStore, rules: Rules) -> None:
        self.events = EventNotes()
        self.now = NOON
        self.quotas = DayQuotas(
            store=store,
            rules=rules,
            node_id=node_id,
            observer=self.events,
            now=lambda: self.now,
        )

    async def is_used_up(self) -> bool:
        try:
            await self.quotas.check("shop")
        except RowferryError as error:
            return error.code is ErrorCode.RATE_LIMITED
        return False


@asynccontextmanager
async def counting(node: Node) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.quotas.run)
        yield
        nursery.cancel_scope.cancel()


async def test_counts_outlive_the_process_and_are_those_of_all_nodes(
    rules: Rules, autojump_clock: object
) -> None:
    rules.shop = ClientRules(rows_per_day=10)
    store = MemoryTaskStore()
    one, two = Node("one", store, rules), Node("two", store, rules)
    async with counting(one), counting(two):
        one.quotas.count("shop", 4, 40)
        two.quotas.count("shop", 5, 50)
        one.quotas.flush_soon()
        await trio.sleep(5)
        assert not await one.is_used_up()
        two.quotas.count("shop", 1, 10)
        await trio.sleep(5)
        assert await one.is_used_up()
    restarted = Node("one", store, rules)
    assert await restarted.is_used_up()
    restarted.quotas.count("shop", 1, 10)
    await restarted.quotas.flush()
    assert await store.usage("shop", DAY) == {
        "one": Usage(rows=5, payload_bytes=50),
        "two": Usage(rows=6, payload_bytes=60),
    }


async def test_what_was_counted_last_is_written_at_the_end(rules: Rules) -> None:
    rules.shop = ClientRules(bytes_per_day=10)
    store = MemoryTaskStore()
    node = Node("one", store, rules)
    async with counting(node):
        await wait_all_tasks_blocked()
        node.quotas.count("shop", 1, 10)
    assert await store.usage("shop", DAY) == {"one": Usage(rows=1, payload_bytes=10)}


async def test_new_day_begins_at_midnight_utc(rules: Rules) -> None:
    rules.shop = ClientRules(rows_per_day=1)
    node = Node("one", MemoryTaskStore(), rules)
    node.quotas.count("shop", 1, 10)
    assert await node.is_used_up()
    node.now = NOON + timedelta(hours=12)
    assert not await node.is_used_up()


async def test_client_without_a_quota_is_not_counted(rules: Rules) -> None:
    store = MemoryTaskStore()
    node = Node("one", store, rules)
    node.quotas.count("shop", 1, 10)
    await node.quotas.flush()
    assert await store.usage("shop", DAY) == {}


async def test_database_that_is_away_gets_the_counts_later(rules: Rules) -> None:
    class AwayStore(MemoryTaskStore):
        is_away = True

        async def put_usage(self, client: str, day: str, node: str, usage: Usage) -> None:
            if self.is_away:
                raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, "The database is away.")
            await super().put_usage(client, day, node, usage)

    rules.shop = ClientRules(rows_per_day=10)
    store = AwayStore()
    node = Node("one", store, rules)
    node.quotas.count("shop", 1, 10)
    await node.quotas.flush()
    assert len(node.events.of(SystemFailure)) == 1
    store.is_away = False
    await node.quotas.flush()
    assert await store.usage("shop", DAY) == {"one": Usage(rows=1, payload_bytes=10)}
