"""Requests are taken in, told from repetitions, or refused without a trace."""

from collections.abc import Callable, Mapping

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import ConcurrencyLimitReached, TaskCreated, TaskQueued
from rowferry.domain.spec import Column, ExportSpec, Format, FormatOptions, Sheet
from rowferry.domain.task import Task, TaskState
from rowferry.ports import SpoolLog
from rowferry.spool.memory import MemorySpool
from rowferry.taskstore.memory import MemoryTaskStore
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
ROWS: list[Row] = [("1", "a"), ("2", "b")]


async def _refused(site: Site, spec: ExportSpec, client: str = "shop") -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        await site.exports.intake.open(client, spec)
    return caught.value


async def test_new_request_becomes_a_stored_task_that_takes_rows(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    spec = make_spec(owner="ada", expected_rows=7)
    admission = await site.exports.intake.open("shop", spec)
    assert admission.session is not None
    stored = await site.adapters.store.find_request("shop", "request")
    assert stored == admission.task
    assert (stored.state, stored.client, stored.owner) == (TaskState.QUEUED, "shop", "ada")
    assert (stored.format, stored.filename, stored.expected_rows) == (Format.CSV, "orders", 7)
    (created,), (queued,) = events.of(TaskCreated), events.of(TaskQueued)
    assert (created.columns, queued.queue_depth) == (2, 1)


@pytest.mark.parametrize(("asked", "given"), [(1, 100), (100, 100), (101, 101), (1000, 1000)])
async def test_priority_is_no_way_ahead_of_other_clients(
    site: Site, make_spec: MakeSpec, asked: int, given: int
) -> None:
    session = await site.open(make_spec(priority=asked))
    assert session.live.task.priority == given


@pytest.mark.parametrize(
    "changes",
    [
        {"filename": "../etc"},
        {"request_id": ""},
        {"tags": {"a": "<"}},
        {"sheets": (Sheet(name="Sheet1", columns=()),)},
        {"options": FormatOptions(csv_encoding="klingon")},
    ],
)
async def test_refused_request_leaves_nothing(
    site: Site, make_spec: MakeSpec, changes: dict[str, object]
) -> None:
    error = await _refused(site, make_spec(**{"request_id": "r", **changes}))
    assert error.code is ErrorCode.INVALID_METADATA
    assert site.remains() == []
    assert await site.adapters.store.unfinished("") == []


class _FullSpool(MemorySpool):
    """A spool without room."""

    def create(self, task_id: str, spec: ExportSpec) -> SpoolLog:  # type: ignore[override]
        raise RowferryError(ErrorCode.DISK_FULL, f"No room for {task_id} of {spec.filename}.")


async def test_request_that_finds_no_room_leaves_nothing_and_may_come_again(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MemorySpool, "create", _FullSpool.create)
        assert (await _refused(site, make_spec())).code is ErrorCode.DISK_FULL
    assert site.remains() == []
    assert await site.adapters.store.find_request("shop", "request") is None
    await site.open(make_spec())


async def test_request_the_store_fails_to_keep_leaves_nothing(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> Task | None:
        await trio.lowlevel.checkpoint()
        raise RowferryError(ErrorCode.INTERNAL, "The task database failed.")

    monkeypatch.setattr(site.adapters.store, "create", fail)
    assert (await _refused(site, make_spec())).code is ErrorCode.INTERNAL
    assert site.remains() == []


async def test_request_that_the_store_kept_though_it_failed_may_come_again(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = MemoryTaskStore.create

    async def keep_and_fail(
        store: MemoryTaskStore, task: Task, document: Mapping[str, object]
    ) -> Task | None:
        await create(store, task, document)
        raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, "The task database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryTaskStore, "create", keep_and_fail)
        assert (await _refused(site, make_spec())).code is ErrorCode.DATABASE_UNAVAILABLE
    assert site.remains() == []
    async with site.running():
        admissions: list[str] = []

        async def ask() -> None:
            admissions.append((await site.exports.intake.open("shop", make_spec())).task.id)

        async with trio.open_nursery() as nursery:  # two at once get one task
            nursery.start_soon(ask)
            nursery.start_soon(ask)
        assert len(set(admissions)) == 1
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert (task.id, task.state, task.rows_written) == (
        admissions[0],
        TaskState.COMPLETED,
        2,
    )


async def test_request_that_comes_while_it_is_being_stored_waits_for_what_becomes_of_it(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = MemoryTaskStore.create
    kept, fail = trio.Event(), trio.Event()

    async def keep_and_fail(
        store: MemoryTaskStore, task: Task, document: Mapping[str, object]
    ) -> Task | None:
        await create(store, task, document)
        kept.set()
        await fail.wait()
        raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, "The task database is away.")

    async def refused() -> None:
        assert (await _refused(site, make_spec())).code is ErrorCode.DATABASE_UNAVAILABLE

    monkeypatch.setattr(MemoryTaskStore, "create", keep_and_fail)
    sessions: list[object] = []

    async def again() -> None:
        sessions.append(await site.open(make_spec()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refused)
        await kept.wait()
        nursery.start_soon(again)
        await wait_all_tasks_blocked()
        assert sessions == []  # rows that it took would be gone with the log
        fail.set()
    assert len(sessions) == 1
    assert len(set(site.remains())) == 1


# The same request again.


async def test_task_that_is_open_takes_the_request_again_as_a_resume(
    site: Site, make_spec: MakeSpec, encode: Callable[..., list[tuple[bytes, int]]]
) -> None:
    with await site.open(make_spec()) as first:
        await first.append(encode([ROWS, ROWS]))
    again = await site.exports.intake.open("shop", make_spec(ack_every=5, wait_seconds=-1))
    assert again.session is not None
    assert again.task.id == first.live.task.id
    assert again.task.rows_received == 4
    assert again.session.live.log.next_sequence == 3


async def test_task_whose_rows_have_ended_wants_no_rows(site: Site, make_spec: MakeSpec) -> None:
    live = await site.push(make_spec(), ROWS)
    again = await site.exports.intake.open("shop", make_spec())
    assert (again.task.id, again.session) == (live.task.id, None)
    assert again.task.state is TaskState.QUEUED


async def test_completed_task_is_given_again(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await site.ended(live)
        again = await site.exports.intake.open("shop", make_spec())
    assert (again.task.id, again.session) == (live.task.id, None)
    assert again.task.state is TaskState.COMPLETED


@pytest.mark.parametrize("end", ["cancelled", "failed"])
async def test_task_that_ended_otherwise_refuses_the_request_with_its_state(
    site: Site, make_spec: MakeSpec, end: str
) -> None:
    async with site.running():
        if end == "cancelled":
            session = await site.open(make_spec())
            await site.exports.commands.cancel("shop", session.live.task.id, "no")
        else:
            error = RowferryError(ErrorCode.INVALID_ROW, "No.")
            await site.ended(await site.push_to_failure(make_spec(), ROWS, error))
        error = await _refused(site, make_spec())
    assert error.code is ErrorCode.INVALID_STATE
    assert error.context["state"] == end.upper()
    assert error.context.get("error_code", "") == ("INVALID_ROW" if end == "failed" else "")


async def test_same_id_for_another_request_is_a_conflict(site: Site, make_spec: MakeSpec) -> None:
    session = await site.open(make_spec())
    error = await _refused(site, make_spec(filename="other"))
    assert error.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert error.context["task_id"] == session.live.task.id


async def test_same_id_of_another_client_is_another_request(
    site: Site, make_spec: MakeSpec
) -> None:
    first = await site.open(make_spec(), client="shop")
    second = await site.open(make_spec(filename="other"), client="bank")
    assert first.live.task.id != second.live.task.id


async def test_same_request_five_times_at_once_is_one_task(
    make_site: Callable[..., Site], make_spec: MakeSpec
) -> None:
    site = make_site(concurrency={"task_queue_size": 10})
    ids: list[str] = []

    async def ask() -> None:
        ids.append((await site.exports.intake.open("shop", make_spec())).task.id)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert len(ids) == 5
    assert site.remains() == [ids[0], ids[0]]  # its log, and itself at work


async def test_client_that_goes_away_while_its_task_is_made_leaves_a_whole_one(
    site: Site, make_spec: MakeSpec
) -> None:
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(site.exports.intake.open, "shop", make_spec())
            while not site.live_tasks:
                await trio.lowlevel.checkpoint()
            scope.cancel()
    stored = await site.adapters.store.find_request("shop", "request")
    assert stored is not None
    assert site.live_tasks.find("shop", stored.id) is not None


async def test_request_that_vanishes_between_two_looks_is_an_error(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(*_: object) -> Task | None:
        await trio.lowlevel.checkpoint()
        return None

    monkeypatch.setattr(site.adapters.store, "create", taken)
    assert (await _refused(site, make_spec())).code is ErrorCode.INTERNAL
    assert site.remains() == []


async def test_store_that_does_not_answer_ends_the_request_in_time(
    site: Site,
    make_spec: MakeSpec,
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def hang(*_: object) -> Task | None:
        await trio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(MemoryTaskStore, "create", hang)
    assert (await _refused(site, make_spec())).code is ErrorCode.INTERNAL
    assert site.remains() == []
    assert autojump_clock.current_time() < 120


# The line.


async def test_queue_is_full_when_slots_and_places_are_taken(
    make_site: Callable[..., Site], make_spec: MakeSpec, events: EventNotes
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 2, "task_queue_size": 3})
    site.writers.gate.close()
    async with site.running():
        for number in range(5):
            await site.push(make_spec(f"r{number}"), ROWS)
            await wait_all_tasks_blocked()
        assert site.live_tasks.places_taken() == 3
        error = await _refused(site, make_spec("too many"))
        assert error.code is ErrorCode.QUEUE_FULL
        assert error.context == {"limit": "3"}
        assert await site.adapters.store.find_request("shop", "too many") is None
        assert events.of(ConcurrencyLimitReached)[0].queue_depth == 3
        site.writers.gate.open()
        for live in site.live_tasks:
            await live.ended.wait()
        await site.open(make_spec("too many"))


async def test_export_of_many_columns_takes_several_places(
    make_site: Callable[..., Site], make_spec: MakeSpec
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 1, "task_queue_size": 50})
    columns = tuple(Column(name=f"column {number}") for number in range(16_384))
    await site.open(make_spec("wide", sheets=(Sheet(name="Sheet1", columns=columns),)))
    assert site.live_tasks.places_taken() > 51
    assert (await _refused(site, make_spec("too many"))).code is ErrorCode.QUEUE_FULL


async def test_free_slots_count_as_places(
    make_site: Callable[..., Site], make_spec: MakeSpec
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 2, "task_queue_size": 1})
    for number in range(3):
        await site.open(make_spec(f"r{number}"))
    assert (await _refused(site, make_spec("too many"))).code is ErrorCode.QUEUE_FULL


async def test_requests_that_come_at_once_are_counted_before_they_are_stored(
    make_site: Callable[..., Site], make_spec: MakeSpec
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 1, "task_queue_size": 1})
    outcomes: list[str] = []

    async def ask(number: int) -> None:
        try:
            await site.open(make_spec(f"r{number}"))
        except RowferryError as error:
            outcomes.append(error.code)
        else:
            outcomes.append("taken in")

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(ask, number)
    assert outcomes.count("taken in") == 2
    assert outcomes.count("QUEUE_FULL") == 8


async def test_task_about_to_start_does_not_count_twice(
    make_site: Callable[..., Site], make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 2, "task_queue_size": 1})
    proceed = trio.Event()
    update = MemoryTaskStore.update

    async def slow_update(store: MemoryTaskStore, task: Task, *, expected: TaskState) -> Task:
        await proceed.wait()
        return await update(store, task, expected=expected)

    monkeypatch.setattr(MemoryTaskStore, "update", slow_update)
    async with site.running():
        await site.push(make_spec("r1"))
        await wait_all_tasks_blocked()  # it has its slot and is still called QUEUED
        await site.open(make_spec("r2"))
        await site.open(make_spec("r3"))
        proceed.set()


async def test_stopping_service_takes_nothing_in(site: Site, make_spec: MakeSpec) -> None:
    session = await site.open(make_spec())
    site.exports.arrivals.stop()
    assert (await _refused(site, make_spec("new"))).code is ErrorCode.SHUTTING_DOWN
    with pytest.raises(RowferryError) as caught:
        await site.exports.intake.resume("shop", session.live.task.id)
    assert caught.value.code is ErrorCode.SHUTTING_DOWN


# Resume.


async def test_open_task_is_resumed(site: Site, make_spec: MakeSpec) -> None:
    session = await site.open(make_spec())
    admission = await site.exports.intake.resume("shop", session.live.task.id)
    assert admission.session is not None


async def test_resume_of_a_completed_task_gives_it(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await site.ended(live)
        admission = await site.exports.intake.resume("shop", live.task.id)
    assert admission.session is None
    assert admission.task.state is TaskState.COMPLETED


async def test_task_that_is_just_ending_is_not_resumed(site: Site, make_spec: MakeSpec) -> None:
    session = await site.open(make_spec())
    live = session.live
    await live.log_lock.acquire()  # keeps its remains from being removed
    async with trio.open_nursery() as nursery:
        nursery.start_soon(site.exports.commands.cancel, "shop", live.task.id, "")
        await wait_all_tasks_blocked()
        assert site.live_tasks.find("shop", live.task.id) is live
        with pytest.raises(RowferryError) as caught:
            await site.exports.intake.resume("shop", live.task.id)
        live.log_lock.release()
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert caught.value.context["state"] == "CANCELLED"


@pytest.mark.parametrize("task_id", ["", "nonsense", "0" * 32, "../../etc/passwd"])
async def test_unknown_task_is_not_found(site: Site, task_id: str) -> None:
    with pytest.raises(RowferryError) as caught:
        await site.exports.intake.resume("shop", task_id)
    assert caught.value.code is ErrorCode.NOT_FOUND


async def test_task_of_another_client_is_not_found(site: Site, make_spec: MakeSpec) -> None:
    session = await site.open(make_spec(), client="shop")
    with pytest.raises(RowferryError) as caught:
        await site.exports.intake.resume("bank", session.live.task.id)
    assert caught.value.code is ErrorCode.NOT_FOUND
