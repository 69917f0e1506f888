"""The feed of live progress, by a clock that jumps."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import SystemError, WatcherJoined, WatcherLeft, WatcherStalled  # noqa: A004
from rowferry.domain.spec import Format
from rowferry.domain.task import TaskState
from rowferry.domain.view import TaskView
from rowferry.status.progress_hub import KEPT_SECONDS, MAX_TASKS, STALLED_SECONDS, TEND_SECONDS
from rowferry.status.progress_update import ProgressFilter, Updates
from tests.unit.status.progress_stage import EVERYTHING, Outlet, Stage, pass_time


@pytest.fixture
def stage() -> Stage:
    return Stage()


# How often, and what of it.


async def test_each_watcher_hears_of_a_task_four_times_a_second_at_most(
    autojump_clock: MockClock, stage: Stage
) -> None:
    live, outlets = await stage.live(), [Outlet(), Outlet()]
    async with stage.running():
        with (
            stage.hub.joined("shop", outlets[0]) as one,
            stage.hub.joined("shop", outlets[1]) as two,
        ):
            await stage.follow(one, EVERYTHING)
            await stage.follow(two, live.task.id, EVERYTHING)
            for step in range(1, 201):
                live.rows_read(step, 0)
                await trio.sleep(0.01)
    for outlet in outlets:
        times = [time for time, _ in outlet.offered]
        assert 7 <= len(times) <= 9
        assert all(b - a >= 0.25 - 1e-9 for a, b in pairwise(times))


async def test_nothing_is_said_while_nothing_changes(
    autojump_clock: MockClock, stage: Stage
) -> None:
    live, outlet = await stage.live(), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            assert [u.task.id for u in await stage.follow(watcher, EVERYTHING)] == [live.task.id]
            await pass_time(100)
    assert outlet.offered == []


async def test_slow_watcher_gets_the_newest_state_and_nothing_of_it_is_kept_meanwhile(
    autojump_clock: MockClock, stage: Stage
) -> None:
    live, outlet = await stage.live(), Outlet(ready=False)
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, EVERYTHING)
            for step in range(1, 101):
                live.rows_read(step, 0)
                await trio.sleep(0.3)
            (topic,) = watcher.topics.values()
            assert len(list(topic.since(0))) == 1  # one task: one update, and no other is held
            outlet.ready = True
            await pass_time(0.3)
    assert [task.rows_written for task in outlet.tasks] == [100]


async def test_each_change_is_encoded_once_for_all_who_watch(
    autojump_clock: MockClock, stage: Stage
) -> None:
    encoded: Counter[int] = Counter()

    def encode(view: TaskView) -> bytes:
        encoded[view.task.rows_written] += 1
        return b"x"

    class Encoding(Outlet):
        def offer(self, updates: Updates) -> int:
            assert updates.joined(encode) == b"x"
            return super().offer(updates)

    live, outlets = await stage.live(), [Encoding() for _ in range(20)]
    async with stage.running():
        with ExitStack() as joined:
            for number, outlet in enumerate(outlets):
                watcher = joined.enter_context(stage.hub.joined("shop", outlet))
                about = live.task.id if number % 2 else EVERYTHING
                await stage.follow(watcher, about)
            for step in (1, 2):
                live.rows_read(step, 0)
                await pass_time(0.3)
    assert [len(outlet.offered) for outlet in outlets] == [2] * 20
    assert encoded == {1: 1, 2: 1}


async def test_many_watchers_are_told_less_often_so_that_sends_stay_within_their_budget(
    autojump_clock: MockClock,
) -> None:
    stage = Stage(sends_per_second=100)
    live, outlets = await stage.live(), [Outlet() for _ in range(200)]
    async with stage.running():
        with ExitStack() as joined:
            for outlet in outlets:
                watcher = joined.enter_context(stage.hub.joined("shop", outlet))
                await stage.follow(watcher, EVERYTHING)
            for step in range(1, 200):
                live.rows_read(step, 0)
                await trio.sleep(0.1)
    assert sum(len(outlet.offered) for outlet in outlets) <= 20 * 100 + 200
    assert all(len(outlet.offered) >= 9 for outlet in outlets)


# Final states.


@pytest.mark.parametrize("ready", [True, False])
async def test_final_state_always_arrives(
    autojump_clock: MockClock, stage: Stage, *, ready: bool
) -> None:
    live, outlet = await stage.live(), Outlet(ready=ready)
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, live.task.id)
            await stage.end(live)
            await pass_time(STALLED_SECONDS / 2)
            outlet.ready = True
            await pass_time(1)
            assert watcher.topics == {}  # nothing more will be said of it
    (_, last) = outlet.offered[-1]
    assert (last.task.state, last.view.link) == (TaskState.COMPLETED, "link")


async def test_final_state_is_told_when_nothing_temporary_is_left(
    autojump_clock: MockClock, stage: Stage
) -> None:
    live, outlet = await stage.live(), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, EVERYTHING)
            cancelled = replace(live.task, state=TaskState.CANCELLED)
            live.task = await stage.store.update(cancelled, expected=live.task.state)
            await pass_time(5)
            assert outlet.offered == []
            stage.live_tasks.remove(live)
            live.ended.set()
            await pass_time(2)
    assert [task.state for task in outlet.tasks] == [TaskState.CANCELLED]


async def test_task_that_ended_before_is_told_once(
    autojump_clock: MockClock, stage: Stage
) -> None:
    task, outlet = await stage.stored(state=TaskState.COMPLETED), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            assert [u.task for u in await stage.follow(watcher, task.id)] == [task]
            await pass_time(10)
            assert watcher.topics == {}
    assert outlet.offered == []


@pytest.mark.parametrize("pause_seconds", [5, 2 * KEPT_SECONDS])
async def test_failed_task_that_is_retried_is_told_of_again(
    autojump_clock: MockClock, stage: Stage, pause_seconds: float
) -> None:
    failed, outlet = await stage.stored(state=TaskState.FAILED), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            assert [u.task for u in await stage.follow(watcher, failed.id)] == [failed]
            await pass_time(pause_seconds)
            assert outlet.offered == []
            again = replace(failed, state=TaskState.QUEUED)
            again = await stage.store.update(again, expected=TaskState.FAILED)
            await pass_time(5)
            done = replace(again, state=TaskState.CANCELLED)
            await stage.store.update(done, expected=TaskState.QUEUED)
            await pass_time(5)
            assert watcher.topics == {}
    assert [task.state for task in outlet.tasks] == [TaskState.QUEUED, TaskState.CANCELLED]


async def test_failed_tasks_make_room_for_others_that_are_named(
    autojump_clock: MockClock, stage: Stage
) -> None:
    failed = [await stage.stored(state=TaskState.FAILED) for _ in range(MAX_TASKS)]
    live, outlet = await stage.live(), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.hub.follow_tasks(watcher, [task.id for task in failed])
            await stage.follow(watcher, live.task.id)
            assert watcher.named_tasks == [live.task.id]


async def test_task_that_the_store_has_forgotten_ends_as_expired(
    autojump_clock: MockClock, stage: Stage
) -> None:
    task, outlet = await stage.stored(state=TaskState.QUEUED), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, task.id)
            await stage.store.delete("shop", task.id)
            await pass_time(3)
    assert [task.state for task in outlet.tasks] == [TaskState.EXPIRED]


# Who sees what.


async def test_tasks_of_others_are_not_there(autojump_clock: MockClock, stage: Stage) -> None:
    mine, theirs = await stage.live(client="shop"), await stage.live(client="bank")
    stored = await stage.stored(client="bank")
    outlet = Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            named = await stage.hub.follow_tasks(watcher, [theirs.task.id, stored.id, "no id"])
            assert named == {}
            assert [u.task.id for u in await stage.follow(watcher, EVERYTHING)] == [mine.task.id]
            theirs.rows_read(5, 0)
            await stage.change(stored, state=TaskState.CANCELLED)
            await stage.live(client="bank")
            await pass_time(5)
            assert outlet.offered == []


async def test_filters_choose_by_owner_format_and_state(
    autojump_clock: MockClock, stage: Stage
) -> None:
    wanted = {
        "ada": ProgressFilter(owner="ada"),
        "csv": ProgressFilter(formats=frozenset({Format.CSV})),
        "queued": ProgressFilter(states=frozenset({TaskState.QUEUED})),
    }
    made = {
        "ada": await stage.live(owner="ada", format=Format.EXCEL),
        "csv": await stage.live(owner="bob"),
        "queued": await stage.live(format=Format.EXCEL, state=TaskState.QUEUED),
    }
    outlets = {name: Outlet() for name in wanted}
    async with stage.running():
        with ExitStack() as joined:
            for name, outlet in outlets.items():
                watcher = joined.enter_context(stage.hub.joined("shop", outlet))
                await stage.follow(watcher, wanted[name])
            for live in made.values():
                live.rows_read(1, 0)
            await pass_time(1)
    for name, outlet in outlets.items():
        assert [task.id for task in outlet.tasks] == [made[name].task.id]


async def test_task_that_a_filter_lets_pass_no_longer_is_told_of_once_more(
    autojump_clock: MockClock, stage: Stage
) -> None:
    live, outlet = await stage.live(), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, ProgressFilter(states=frozenset({TaskState.PROCESSING})))
            live.task = await stage.change(live.task, state=TaskState.UPLOADING)
            await pass_time(1)
            live.task = await stage.change(live.task, sha256="0")
            await pass_time(1)
    assert [task.state for task in outlet.tasks] == [TaskState.UPLOADING]


async def test_what_is_not_followed_any_more_is_not_told(
    autojump_clock: MockClock, stage: Stage
) -> None:
    live, outlet = await stage.live(), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, live.task.id, EVERYTHING)
            stage.hub.unfollow(watcher, [live.task.id, EVERYTHING, "never followed"])
            live.rows_read(5, 0)
            await pass_time(5)
    assert outlet.offered == []


async def test_one_watcher_names_so_many_tasks_and_no_more(
    autojump_clock: MockClock, stage: Stage
) -> None:
    tasks = [(await stage.stored()).id for _ in range(MAX_TASKS + 1)]
    with stage.hub.joined("shop", Outlet()) as watcher:
        assert len(await stage.hub.follow_tasks(watcher, tasks[:-1])) == MAX_TASKS
        with pytest.raises(RowferryError) as caught:
            await stage.hub.follow_tasks(watcher, tasks[-1:])
    assert caught.value.code is ErrorCode.INVALID_METADATA


# Other nodes.


async def test_what_other_nodes_do_is_told(autojump_clock: MockClock, stage: Stage) -> None:
    task, outlet = await stage.stored(), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, task.id)
            for changes in (
                {"state": TaskState.PROCESSING},
                {"state": TaskState.UPLOADING},
                {"state": TaskState.COMPLETED},
            ):
                task = await stage.change(task, **changes)
                await pass_time(1.5)
    states = [task.state for task in outlet.tasks]
    assert states == [TaskState.PROCESSING, TaskState.UPLOADING, TaskState.COMPLETED]


async def test_new_tasks_of_other_nodes_are_told_even_if_they_ended_meanwhile(
    autojump_clock: MockClock, stage: Stage
) -> None:
    outlet = Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            assert await stage.follow(watcher, EVERYTHING) == []
            await pass_time(100)
            running = await stage.stored(state=TaskState.PROCESSING)
            ended = await stage.stored(state=TaskState.COMPLETED)
            await stage.stored(client="bank")
            await pass_time(1.5)
    assert {task.id for task in outlet.tasks} == {running.id, ended.id}


async def test_task_that_is_tried_again_elsewhere_is_told_of_again(
    autojump_clock: MockClock, stage: Stage
) -> None:
    failed, outlet = await stage.stored(state=TaskState.FAILED), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, EVERYTHING)
            await pass_time(1000)
            await stage.change(failed, state=TaskState.QUEUED)
            await pass_time(2)
    assert [task.state for task in outlet.tasks] == [TaskState.QUEUED]


async def test_speed_of_a_task_of_another_node_shows_from_its_heartbeats(
    autojump_clock: MockClock, stage: Stage
) -> None:
    task = await stage.stored(state=TaskState.PROCESSING, expected_rows=5000, lease_owner="two")
    outlet = Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, task.id)
            for rows in (1000, 2000):
                await pass_time(10)
                await stage.store.renew([replace(task, rows_written=rows)])
            await pass_time(2)
    view = outlet.offered[-1][1].view
    assert view.rows_per_second == pytest.approx(100, rel=0.2)
    assert view.remaining_seconds == pytest.approx(30, rel=0.2)


@pytest.mark.parametrize("watchers", [1, 300])
async def test_store_is_asked_as_often_for_many_watchers_as_for_one(
    autojump_clock: MockClock, stage: Stage, watchers: int
) -> None:
    tasks = [(await stage.stored(state=TaskState.QUEUED)).id for _ in range(30)]
    async with stage.running():
        with ExitStack() as joined:
            for number in range(watchers):
                watcher = joined.enter_context(stage.hub.joined("shop", Outlet()))
                await stage.follow(watcher, EVERYTHING, tasks[number % 30])
            stage.store.questions = 0
            await pass_time(10)
    assert stage.store.questions <= 22


async def test_nobody_watching_costs_the_store_nothing(
    autojump_clock: MockClock, stage: Stage
) -> None:
    await stage.live()
    async with stage.running():
        with stage.hub.joined("shop", Outlet()) as watcher:
            await stage.follow(watcher, EVERYTHING)
        await pass_time(2)
        stage.store.questions = 0
        await pass_time(100)
    assert stage.store.questions == 0


async def test_store_that_is_away_keeps_nobody_from_hearing_of_tasks_of_this_node(
    autojump_clock: MockClock, stage: Stage
) -> None:
    live, outlet = await stage.live(), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, EVERYTHING)
            stage.store.is_away = True
            live.rows_read(5, 0)
            await pass_time(2)
            assert [task.rows_written for task in outlet.tasks] == [5]
            stage.store.is_away = False
            await stage.end(live)
            await pass_time(2)
    assert outlet.tasks[-1].state is TaskState.COMPLETED
    assert any(isinstance(event, SystemError) for event in stage.events)


# Watchers come, go and stall.


async def test_watcher_who_takes_nothing_for_too_long_is_let_go(
    autojump_clock: MockClock, stage: Stage
) -> None:
    live, outlet = await stage.live(), Outlet(ready=False)
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, EVERYTHING)
            live.rows_read(1, 0)
            await pass_time(STALLED_SECONDS - 1)
            assert outlet.closed is None
            await pass_time(2)
    assert outlet.closed is not None
    assert outlet.closed.code is ErrorCode.STREAM_IDLE
    kinds = [type(event) for event in stage.events]
    assert kinds == [WatcherJoined, WatcherStalled, WatcherLeft]


async def test_client_who_may_not_watch_any_more_is_let_go_soon(
    autojump_clock: MockClock, stage: Stage
) -> None:
    outlet, other = Outlet(), Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet), stage.hub.joined("bank", other):
            outlet.refusal = RowferryError(ErrorCode.UNAUTHENTICATED, "The token was revoked.")
            await pass_time(TEND_SECONDS)
    assert outlet.closed is outlet.refusal
    assert other.closed is None


async def test_service_that_stops_tells_everybody(autojump_clock: MockClock, stage: Stage) -> None:
    outlets = [Outlet(), Outlet(ready=False)]
    with ExitStack() as joined:
        for outlet in outlets:
            joined.enter_context(stage.hub.joined("shop", outlet))
        stage.stopping.set()
        await stage.hub.run(stage.stopping)
    codes = [outlet.closed.code for outlet in outlets if outlet.closed is not None]
    assert codes == [ErrorCode.SHUTTING_DOWN] * 2


@pytest.mark.parametrize(
    "limits", [{"max_watchers": 2}, {"max_watchers_per_client": 1}], ids=["all", "client"]
)
async def test_more_watchers_than_there_may_be_are_refused(
    autojump_clock: MockClock, limits: dict[str, int]
) -> None:
    hub = Stage(**limits).hub
    with hub.joined("shop", Outlet()):
        with (
            hub.joined("bank", Outlet()),
            pytest.raises(RowferryError) as caught,
            hub.joined("shop", Outlet()),
        ):
            pass
        assert caught.value.code is ErrorCode.RATE_LIMITED
        assert caught.value.context["retry_after_seconds"]
    with hub.joined("shop", Outlet()):
        assert len(hub) == 1


async def test_tasks_that_ended_are_forgotten_after_a_while(
    autojump_clock: MockClock, stage: Stage
) -> None:
    outlet = Outlet()
    async with stage.running():
        with stage.hub.joined("shop", outlet) as watcher:
            await stage.follow(watcher, EVERYTHING)
            for _ in range(50):
                await stage.end(await stage.live())
                await pass_time(0.5)
            await pass_time(2)
            (topic,) = watcher.topics.values()
            assert len(list(topic.since(0))) == 50
            await pass_time(300)
            assert list(topic.since(0)) == []
    completed = [task.id for task in outlet.tasks if task.state is TaskState.COMPLETED]
    assert len(set(completed)) == len(completed) == 50
