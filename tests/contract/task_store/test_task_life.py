"""The life of tasks in the hands of several nodes, on every store, against a model of it.

Any order of requests, claims, heartbeats, lapsed leases, retries, cancellations and writes of
those who lost their lease long ago: the stores say what the model says, and the same.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, delete, update
from trio.testing import MockClock

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.fairness import priority_class
from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Format
from rowferry.domain.task import RUNNING, TRANSITIONS, Source, Task, TaskState
from rowferry.ports import Chore, Renewal, TaskStore
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.memory import MemoryTaskStore
from rowferry.taskstore.sql import SqlTaskStore
from rowferry.taskstore.tables import client_share_table, task_table

FULL: Final = os.environ.get("ROWFERRY_FAULTS") == "full"
LEASE_SECONDS: Final = 3600.0  # over only when a rule says so
NOW: Final = datetime(2025, 6, 1, tzinfo=UTC)
LATER: Final = NOW + timedelta(days=1)
NODES: Final = ("node a", "node b", "node c")
CLIENTS: Final = ("bank", "shop")
_T = TypeVar("_T")


@dataclass(slots=True)
class Life:
    """What the model knows of one task."""

    task: Task
    leased: bool = False
    wish: str | None = None  # to cancel it

    @property
    def is_queued_pull(self) -> bool:
        return self.task.state is TaskState.QUEUED and self.task.source is Source.PULL

    def write(self, task: Task) -> Task:
        """Take a change that a store has to accept."""
        assert task.state in TRANSITIONS[self.task.state]
        assert task.attempt >= self.task.attempt
        self.task = replace(task, version=self.task.version + 1)
        self.leased = task.lease_owner != ""
        if task.state not in RUNNING:
            self.wish = None
        return self.task


class TaskLife(RuleBasedStateMachine):
    """Nodes keep every version of a task that they ever held: zombies write with old ones."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.clock = MockClock()
        self.engine = engine
        with engine.begin() as connection:
            connection.execute(delete(task_table))
            connection.execute(delete(client_share_table))
        limiter = trio.CapacityLimiter(1)
        self.stores: tuple[TaskStore, ...] = (
            MemoryTaskStore(LEASE_SECONDS),
            SqlTaskStore(engine, lease_seconds=LEASE_SECONDS, limiter=limiter),
        )
        self.lives: dict[str, Life] = {}
        self.seen: list[Task] = []
        self.created = 0

    def ask(self, question: Callable[[TaskStore], Awaitable[_T]]) -> _T:
        """Ask every store the same; they have to answer alike."""

        async def ask_all() -> list[_T | ErrorCode]:
            return [await _outcome(question(store)) for store in self.stores]

        first, *others = trio.run(ask_all, clock=self.clock)
        assert all(other == first for other in others)
        if isinstance(first, ErrorCode):
            raise RowferryError(first, "as all stores say")
        return first

    @initialize()
    def begin(self) -> None:
        for client in CLIENTS:
            for source in Source:
                self.create(client, source, 100, later=False)

    @rule(
        client=st.sampled_from(CLIENTS),
        source=st.sampled_from(Source),
        priority=st.sampled_from([1, 100, 500]),
        later=st.booleans(),
    )
    def create(self, client: str, source: Source, priority: int, *, later: bool) -> None:
        self.created += 1
        state = TaskState.SCHEDULED if later and source is Source.PULL else TaskState.QUEUED
        task = Task(
            id=make_task_id(self.created, bytes(10)),
            client=client,
            request_id=f"request {self.created}",
            request_hash="0" * 64,
            format=Format.CSV,
            filename="orders",
            created_at=NOW,
            source=source,
            priority=priority,
            home_node=NODES[self.created % len(NODES)],
            state=state,
            run_at=NOW if state is TaskState.SCHEDULED else None,
        )
        assert self.ask(lambda store: store.create(task, {})) == task
        self.lives[task.id] = Life(task)
        self.seen.append(task)

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def create_again(self, data: st.DataObject) -> None:
        known = self._any(data)
        again = replace(known, id=make_task_id(10**6, bytes(10)))
        assert self.ask(lambda store: store.create(again, {})) is None

    @rule(node=st.sampled_from(NODES))
    def reserve(self, node: str) -> None:
        free = [life for life in self.lives.values() if life.is_queued_pull and not life.leased]
        task_id = self.ask(lambda store: store.reserve(node))
        if task_id is None:
            assert not free
            return
        life = self.lives[task_id]
        assert life in free
        urgency = priority_class(life.task.priority)
        assert urgency == min(priority_class(other.task.priority) for other in free)
        # of its client's tasks in the class it is the first
        rivals = [
            (other.task.priority, other.task.id)
            for other in free
            if other.task.client == life.task.client
        ]
        assert (life.task.priority, task_id) == min(rivals)
        life.task = replace(life.task, version=life.task.version + 1, lease_owner=node)
        life.leased = True
        self._see(life)

    @precondition(lambda self: self._in_states(TaskState.QUEUED))
    @rule(data=st.data(), node=st.sampled_from(NODES))
    def claim(self, data: st.DataObject, node: str) -> None:
        task = data.draw(st.sampled_from(self._in_states(TaskState.QUEUED)))
        attempt = max(1, task.attempt)
        wanted = replace(task, state=TaskState.PROCESSING, lease_owner=node, attempt=attempt)
        self._write(wanted, expected=TaskState.QUEUED)

    @precondition(lambda self: self._in_states(*RUNNING))
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """Do with a running task, as its owner, anything that is allowed."""
        task = data.draw(st.sampled_from(self._in_states(*RUNNING)))
        to = data.draw(st.sampled_from(sorted(TRANSITIONS[task.state])))
        owner = task.lease_owner if to in RUNNING else ""
        run_at = NOW if to is TaskState.FAILED else None
        wanted = replace(task, state=to, lease_owner=owner, run_at=run_at)
        self._write(wanted, expected=task.state)

    @precondition(lambda self: self.seen)
    @rule(data=st.data(), to=st.sampled_from(TaskState), keep_lease=st.booleans())
    def write_what_was_ever_seen(
        self, data: st.DataObject, to: TaskState, *, keep_lease: bool
    ) -> None:
        """Write as a node that read the task at any time: only the newest version may."""
        seen = data.draw(st.sampled_from(self.seen))
        owner = seen.lease_owner if keep_lease and to in RUNNING else ""
        fails = to is TaskState.FAILED
        run_at = NOW if fails and data.draw(st.booleans()) else None
        self._write(
            replace(seen, state=to, lease_owner=owner, run_at=run_at, finished_at=None),
            expected=seen.state,
        )

    @rule(data=st.data(), rows=st.integers(0, 9))
    def heartbeat(self, data: st.DataObject, rows: int) -> None:
        """Renew any versions of any tasks, one of each."""
        drawn = data.draw(st.lists(st.sampled_from(self.seen), max_size=4)) if self.seen else []
        beats = [
            replace(task, rows_written=task.rows_written + rows)
            for task in {task.id: task for task in drawn}.values()
        ]
        expected = [self._renewal(task) for task in beats]
        assert list(self.ask(lambda store: store.renew(beats))) == expected

    @rule()
    def all_leases_lapse(self) -> None:
        self.clock.jump(2 * LEASE_SECONDS)
        lapsed = update(task_table).where(task_table.c.lease_until.is_not(None))
        with self.engine.begin() as connection:
            connection.execute(lapsed.values(lease_until=1))
        for life in self.lives.values():
            life.leased = False

    @rule(node=st.sampled_from(NODES))
    def reap(self, node: str) -> None:
        """What runs without a lease is ended as was wished, or tried again."""
        running = [life for life in self.lives.values() if life.task.state in RUNNING]
        lapsed = {life.task.id for life in running if not life.leased}
        assert {task.id for task in self._awaiting(Chore.LAPSED, node)} == lapsed
        for task_id in sorted(lapsed):
            life = self.lives[task_id]
            wish = self._wish(life.task)
            assert wish == life.wish
            to = TaskState.FAILED if wish is None else TaskState.CANCELLED
            run_at = NOW if wish is None else None
            ended = replace(life.task, state=to, run_at=run_at, lease_owner="")
            self._write(ended, expected=life.task.state)

    @rule(node=st.sampled_from(NODES))
    def promote(self, node: str) -> None:
        """What is due goes back to the queue, its next attempt counted."""
        due = {
            life.task.id
            for life in self.lives.values()
            if life.task.state in {TaskState.SCHEDULED, TaskState.FAILED}
            and life.task.run_at is not None
            and (life.task.source is Source.PULL or life.task.home_node == node)
        }
        assert {task.id for task in self._awaiting(Chore.DUE, node)} == due
        for task_id in sorted(due):
            task = self.lives[task_id].task
            more = task.state is TaskState.FAILED
            queued = replace(
                task, state=TaskState.QUEUED, run_at=None, attempt=task.attempt + more
            )
            self._write(queued, expected=task.state)

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def wish_to_cancel(self, data: st.DataObject) -> None:
        running = self._in_states(*RUNNING)
        task = data.draw(st.sampled_from(running)) if running else self._any(data)
        life, runs = self.lives[task.id], bool(running)
        asked = self.ask(lambda store: store.request_cancel(task.client, task.id, "enough"))
        assert asked == runs
        if runs:
            life.wish = "enough"

    @precondition(lambda self: len(self.lives) > len(CLIENTS) * len(Source))
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        task = self._any(data)
        self.ask(lambda store: store.delete(task.client, task.id))
        del self.lives[task.id]

    @invariant()
    def stores_have_what_the_model_has(self) -> None:
        lives = list(self.lives.values())

        async def known(store: TaskStore) -> list[tuple[Task | None, str | None]]:
            tasks = [life.task for life in lives]
            return [
                (
                    await store.get(task.client, task.id),
                    await store.cancel_reason(task.client, task.id),
                )
                for task in tasks
            ]

        assert self.ask(known) == [(life.task, life.wish) for life in lives]

    @invariant()
    def work_is_found(self) -> None:
        async def found(store: TaskStore) -> tuple[list[list[str]], int]:
            unfinished = [[task.id for task in await store.unfinished(node)] for node in NODES]
            return unfinished, await store.queued_pulls()

        unfinished = [
            sorted(
                life.task.id
                for life in self.lives.values()
                if life.task.home_node == node and not life.task.is_final
            )
            for node in NODES
        ]
        queued = sum(life.is_queued_pull for life in self.lives.values())
        assert self.ask(found) == (unfinished, queued)

    def _write(self, wanted: Task, *, expected: TaskState) -> None:
        """Write; exactly the newest version of a task may, and only what TRANSITIONS allow."""
        life = self.lives.get(wanted.id)
        allowed = (
            life is not None
            and (life.task.version, life.task.state) == (wanted.version, expected)
            and wanted.state in TRANSITIONS[expected]
        )
        if life is None or not allowed:
            with pytest.raises(RowferryError) as refused:
                self.ask(lambda store: store.update(wanted, expected=expected))
            assert refused.value.code is ErrorCode.INVALID_STATE
        else:
            written = self.ask(lambda store: store.update(wanted, expected=expected))
            assert written == life.write(wanted)
            self._see(life)

    def _renewal(self, task: Task) -> Renewal:
        life = self.lives.get(task.id)
        if life is None:
            return Renewal(task_id=task.id, held=False)
        held = life.task.state in RUNNING and (life.task.version, life.task.lease_owner) == (
            task.version,
            task.lease_owner,
        )
        if held:
            life.task = replace(life.task, rows_written=task.rows_written)
            life.leased = life.task.lease_owner != ""
        return Renewal(task_id=task.id, held=held, cancel_reason=life.wish)

    def _awaiting(self, chore: Chore, node: str) -> list[Task]:
        found = self.ask(lambda store: _in_order(store, chore, node))
        assert all(task == self.lives[task.id].task for task in found)
        return found

    def _wish(self, task: Task) -> str | None:
        return self.ask(lambda store: store.cancel_reason(task.client, task.id))

    def _see(self, life: Life) -> None:
        self.seen.append(life.task)

    def _any(self, data: st.DataObject) -> Task:
        return self.lives[data.draw(st.sampled_from(sorted(self.lives)))].task

    def _in_states(self, *states: TaskState) -> list[Task]:
        return [life.task for life in self.lives.values() if life.task.state in states]


async def _outcome(answer: Awaitable[_T]) -> _T | ErrorCode:
    try:
        return await answer
    except RowferryError as error:
        return error.code


async def _in_order(store: TaskStore, chore: Chore, node: str) -> list[Task]:
    tasks = await store.awaiting(chore, node=node, before=LATER, limit=1000)
    return sorted(tasks, key=lambda task: task.id)


@pytest.mark.timeout(3600 if FULL else 120)
def test_stores_live_as_the_model_says(database_url: str) -> None:
    engine = open_engine(database_url)
    on_server = engine.dialect.name != "sqlite"  # each call is slower there
    short, full = (4, 100) if on_server else (20, 300)

    class OnThisDatabase(TaskLife):
        def __init__(self) -> None:
            super().__init__(engine)

    try:
        run_state_machine_as_test(
            OnThisDatabase,
            settings=settings(
                max_examples=full if FULL else short,
                stateful_step_count=50 if FULL else 30,
                deadline=None,
            ),
        )
    finally:
        engine.dispose()
