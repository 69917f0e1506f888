"""A request for a pulled export is taken in whole, at once, and once."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import trio

from rowferry.composition import Adapters
from rowferry.config import Config
from rowferry.domain import events as event_kinds
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Column, ExportSpec, Sheet
from rowferry.domain.task import Source, Task, TaskState
from rowferry.providers.registry import ProviderRegistry
from rowferry.taskstore.memory import MemoryTaskStore
from tests.unit.export.in_memory import CLIENT, EventNotes, Site, with_settings
from tests.unit.export.in_pieces import COLUMNS, InPieces

MakeSpec = Callable[..., ExportSpec]
NO_COLUMNS = (Sheet(name="Sheet1", columns=()),)
EXPECTED = b"id,name\r\n1,a\r\n2,b\r\n"


@pytest.fixture
def provider() -> InPieces:
    return InPieces()


@pytest.fixture
def make_pull_site(
    config: Config, adapters: Adapters, events: EventNotes, provider: InPieces
) -> Callable[..., Site]:
    """Make a site with a provider, and with other settings."""

    def make(**groups: dict[str, object]) -> Site:
        with_provider = replace(adapters, providers=ProviderRegistry([provider]))
        return Site(with_settings(config, **groups), with_provider, events)

    return make


@pytest.fixture
async def pull_site(make_pull_site: Callable[..., Site]) -> Site:
    return make_pull_site()


@pytest.fixture
def make_pull(make_spec: MakeSpec) -> MakeSpec:
    def make(request_id: str = "request", **fields: object) -> ExportSpec:
        pulled = {"provider": "in_pieces", "parameters": {"country": "DE"}, "sheets": NO_COLUMNS}
        return make_spec(request_id, **(pulled | fields))

    return make


class CountsSlowly(MemoryTaskStore):
    """A store that gives one of its counts late."""

    def __init__(self) -> None:
        super().__init__()
        self.holds_next = False
        self.has_counted = trio.Event()
        self.may_answer = trio.Event()

    async def queued_pulls(self, client: str | None = None) -> int:
        count = await super().queued_pulls(client)
        if self.holds_next:
            self.holds_next = False
            self.has_counted.set()
            await self.may_answer.wait()
        return count


@pytest.fixture
async def counts_slowly(pull_site: Site) -> tuple[Site, CountsSlowly]:
    store = CountsSlowly()
    adapters = replace(pull_site.adapters, store=store)
    return Site(pull_site.config, adapters, pull_site.events), store


async def _create(site: Site, spec: ExportSpec, run_at: datetime | None = None) -> Task:
    return await site.exports.pull_intake.create(CLIENT, spec, run_at)


async def _take_in(ask: Callable[[], Awaitable[object]], outcomes: list[str]) -> None:
    try:
        await ask()
    except RowferryError as error:
        outcomes.append(error.code)
    else:
        outcomes.append("taken in")


async def _ended(site: Site, task: Task) -> Task:
    await site.exports.queries.wait(CLIENT, task.id, 0)
    stored = await site.adapters.store.get(CLIENT, task.id)
    assert stored is not None
    return stored


async def test_request_is_stored_whole_and_answered_before_a_row_is_read(
    pull_site: Site, make_pull: MakeSpec, provider: InPieces
) -> None:
    task = await _create(pull_site, make_pull())
    assert (task.state, task.source, task.provider) == (
        TaskState.QUEUED,
        Source.PULL,
        "in_pieces",
    )
    document = await pull_site.adapters.store.document(CLIENT, task.id)
    assert document is not None
    spec = ExportSpec.from_document(document)
    assert spec.columns == COLUMNS
    assert spec.parameters == {"country": "DE", "limit": 10}
    assert not provider.asked_with


async def test_rows_of_the_provider_are_the_rows_of_the_file(
    pull_site: Site, make_pull: MakeSpec, provider: InPieces
) -> None:
    provider.put([(1, "a")], [(2, "b")]).end()
    async with pull_site.running():
        task = await _ended(pull_site, await _create(pull_site, make_pull()))
    assert (task.state, task.rows_written, task.attempt) == (TaskState.COMPLETED, 2, 1)
    assert pull_site.storage.content(task.object_key) == EXPECTED
    assert provider.asked_with == [{"country": "DE", "limit": 10}]
    assert pull_site.remains() == [task.object_key]


async def test_columns_of_the_request_come_first(
    pull_site: Site, make_pull: MakeSpec, provider: InPieces
) -> None:
    provider.put([(1, "a")]).end()
    columns = (Column(name="No."), Column(name="Who"))
    spec = make_pull(sheets=(Sheet(name="Sheet1", columns=columns),))
    async with pull_site.running():
        task = await _ended(pull_site, await _create(pull_site, spec))
    assert pull_site.storage.content(task.object_key) == b"No.,Who\r\n1,a\r\n"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"provider": ""}, "provider"),
        ({"provider": "another"}, "provider"),
        ({"parameters": {"country": 5}}, "parameters.country"),
        ({"parameters": {"town": "x"}}, "parameters"),
        ({"sheets": (Sheet(name="S", columns=(Column(name="one"),)),)}, "columns"),
        ({"filename": "a/b"}, "filename"),
        ({"request_id": ""}, "request_id"),
    ],
)
async def test_request_that_can_not_be_served_is_refused_by_its_field(
    pull_site: Site, make_pull: MakeSpec, fields: dict[str, object], named: str
) -> None:
    with pytest.raises(RowferryError) as refused:
        await _create(pull_site, replace(make_pull(), **fields))  # type: ignore[arg-type]
    assert refused.value.code is ErrorCode.INVALID_METADATA
    assert refused.value.context["field"] == named
    assert await pull_site.adapters.store.queued_pulls() == 0


async def test_same_request_again_is_the_same_task(
    pull_site: Site, make_pull: MakeSpec, provider: InPieces
) -> None:
    first = await _create(pull_site, make_pull())
    assert (await _create(pull_site, make_pull())).id == first.id
    provider.put([(1, "a")]).end()
    async with pull_site.running():
        await _ended(pull_site, first)
        again = await _create(pull_site, make_pull())
    assert (again.id, again.state) == (first.id, TaskState.COMPLETED)


async def test_two_at_once_are_one_task(pull_site: Site, make_pull: MakeSpec) -> None:
    made: list[Task] = []

    async def create() -> None:
        made.append(await _create(pull_site, make_pull()))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(create)
    assert len({task.id for task in made}) == 1
    assert await pull_site.adapters.store.queued_pulls() == 1


@pytest.mark.parametrize(
    "fields", [{"parameters": {"country": "FR"}}, {"filename": "other"}, {"provider": "another"}]
)
async def test_request_id_of_another_request_is_a_conflict(
    pull_site: Site, make_pull: MakeSpec, fields: dict[str, object]
) -> None:
    await _create(pull_site, make_pull())
    with pytest.raises(RowferryError) as refused:
        await _create(pull_site, make_pull(**fields))
    assert refused.value.code is ErrorCode.IDEMPOTENCY_CONFLICT


async def test_pushed_request_with_the_id_of_a_pulled_one_is_a_conflict(
    pull_site: Site, make_pull: MakeSpec, make_spec: MakeSpec
) -> None:
    await _create(pull_site, make_pull())
    with pytest.raises(RowferryError) as refused:
        await pull_site.exports.intake.open(CLIENT, make_spec())
    assert refused.value.code is ErrorCode.IDEMPOTENCY_CONFLICT


async def test_request_whose_task_ended_without_a_file_needs_a_new_id(
    pull_site: Site, make_pull: MakeSpec
) -> None:
    task = await _create(pull_site, make_pull())
    await pull_site.exports.commands.cancel(CLIENT, task.id, "")
    with pytest.raises(RowferryError) as refused:
        await _create(pull_site, make_pull())
    assert refused.value.code is ErrorCode.INVALID_STATE


async def test_full_queue_refuses_and_scheduled_tasks_do_not_fill_it(
    pull_site: Site, make_pull: MakeSpec
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    for number in range(3):
        await _create(pull_site, make_pull(f"later {number}"), later)
    for number in range(3):  # for one there is a slot
        await _create(pull_site, make_pull(f"now {number}"))
    with pytest.raises(RowferryError) as refused:
        await _create(pull_site, make_pull("one more"))
    assert refused.value.code is ErrorCode.QUEUE_FULL


async def test_pushed_and_pulled_tasks_wait_in_one_line(
    pull_site: Site, make_pull: MakeSpec, make_spec: MakeSpec
) -> None:
    await _create(pull_site, make_pull("pulled"))
    for number in range(2):
        await pull_site.open(make_spec(f"pushed {number}"))
    for one_more in (
        _create(pull_site, make_pull("pulled too")),
        pull_site.open(make_spec("pushed too")),
    ):
        with pytest.raises(RowferryError) as refused:
            await one_more
        assert refused.value.code is ErrorCode.QUEUE_FULL


async def test_pushed_and_pulled_tasks_that_come_at_once_fill_one_line(
    pull_site: Site, make_pull: MakeSpec, make_spec: MakeSpec, nursery: trio.Nursery
) -> None:
    outcomes: list[str] = []
    for number in range(5):
        pushed, pulled = make_spec(f"pushed {number}"), make_pull(f"pulled {number}")
        nursery.start_soon(_take_in, partial(pull_site.open, pushed), outcomes)
        nursery.start_soon(_take_in, partial(_create, pull_site, pulled), outcomes)
    await pull_site.settled()
    assert Counter(outcomes) == {"taken in": 3, "QUEUE_FULL": 7}  # one slot, two places


@pytest.mark.parametrize(
    ("already", "outcome"), [(0, "taken in"), (1, "QUEUE_FULL")], ids=["a place left", "full"]
)
async def test_tasks_stored_while_the_line_is_counted_count_once(
    counts_slowly: tuple[Site, CountsSlowly],
    make_pull: MakeSpec,
    make_spec: MakeSpec,
    nursery: trio.Nursery,
    already: int,
    outcome: str,
) -> None:
    site, store = counts_slowly
    outcomes: list[str] = []
    for number in range(already):
        await _create(site, make_pull(f"before {number}"))
    store.holds_next = True
    nursery.start_soon(_take_in, partial(site.open, make_spec("pushed")), outcomes)
    await store.has_counted.wait()
    for number in range(2):
        await _create(site, make_pull(f"meanwhile {number}"))
    store.may_answer.set()
    await site.settled()
    assert outcomes == [outcome]


async def test_task_for_later_waits_for_its_time(pull_site: Site, make_pull: MakeSpec) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    task = await _create(pull_site, make_pull(), later)
    assert (task.state, task.run_at) == (TaskState.SCHEDULED, later)
    assert len(pull_site.adapters.queue) == 0
    past = await _create(pull_site, make_pull("past"), later - timedelta(days=1))
    assert (past.state, past.run_at) == (TaskState.QUEUED, None)


async def test_failed_provider_is_asked_again_from_its_first_row(
    make_pull_site: Callable[..., Site],
    make_pull: MakeSpec,
    provider: InPieces,
    events: EventNotes,
) -> None:
    site = make_pull_site(retry={"max_attempts": 2, "base_seconds": 0})
    provider.put([(1, "a")], ValueError("gone"), [(1, "a")], [(2, "b")]).end()
    async with site.running():
        task = await _ended(site, await _create(site, make_pull()))
    assert (task.state, task.attempt, task.rows_written) == (TaskState.COMPLETED, 2, 2)
    assert site.storage.content(task.object_key) == EXPECTED
    assert len(provider.asked_with) == 2
    assert len(events.of(event_kinds.ProviderFailed)) == 1


async def test_refusal_of_the_provider_ends_the_task(
    make_pull_site: Callable[..., Site], make_pull: MakeSpec, provider: InPieces
) -> None:
    site = make_pull_site(retry={"max_attempts": 4, "base_seconds": 0})
    provider.put(RowferryError(ErrorCode.NOT_FOUND, "There is no such shop."))
    async with site.running():
        task = await _ended(site, await _create(site, make_pull()))
    assert (task.state, task.error_code, task.attempt) == (TaskState.FAILED, "NOT_FOUND", 1)
    assert task.error_message == "There is no such shop."


async def test_cancelled_export_ends_its_provider_and_leaves_nothing(
    pull_site: Site, make_pull: MakeSpec, provider: InPieces
) -> None:
    limiter = trio.CapacityLimiter(1)
    async with pull_site.running():
        task = await _create(pull_site, make_pull())
        await trio.to_thread.run_sync(provider.reading.wait, 20, limiter=limiter)
        view = await pull_site.exports.commands.cancel(CLIENT, task.id, "enough")
    assert view.task.state is TaskState.CANCELLED
    assert provider.cancelled.is_set()
    assert provider.ended.is_set()
    assert pull_site.remains() == []


async def test_service_that_stops_takes_nothing_new(pull_site: Site, make_pull: MakeSpec) -> None:
    pull_site.exports.arrivals.stop()
    with pytest.raises(RowferryError) as refused:
        await _create(pull_site, make_pull())
    assert refused.value.code is ErrorCode.SHUTTING_DOWN


async def test_hash_of_pushed_requests_knows_no_provider(make_spec: MakeSpec) -> None:
    assert make_spec().request_hash() == make_spec(parameters={}).request_hash()
    assert make_spec().request_hash() != make_spec(provider="x").request_hash()
