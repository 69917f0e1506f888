"""The tasks this process works on: what changes too fast for the store to know."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import trio

from rowferry.domain.errors import RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import RUNNING, Task, TaskState
from rowferry.domain.view import TaskView
from rowferry.export.signal import Signal
from rowferry.ports import SpoolLog

PLACE_BYTES: Final = 64 << 10  # of columns: some 160


class LiveTask:
    """One unfinished task: its log, its progress, and who waits for what.

    ``task`` is the state as the store has it; ``snapshot()`` adds the progress made since. A
    pulled task has no log: its provider has the rows, all of them.
    """

    def __init__(self, task: Task, spec: ExportSpec, log: SpoolLog | None) -> None:
        self.task = task
        self.spec: Final = spec
        self.places: Final = places(spec)
        self._log: Final = log
        self.rows_received = log.rows if log is not None else task.rows_received
        self.rows_ended = log is None or log.ended
        # a file that is whole is not written again
        self.rows_written = task.rows_written if task.object_crc64 else 0
        self.expected_rows = task.expected_rows
        self.consumed_bytes = 0
        self.file_bytes = 0
        self.queued_since = trio.current_time()
        self.started_writing: float | None = None
        self.stream_failure: RowferryError | None = None
        self.alone_since: float | None = trio.current_time()
        self.connection: trio.CancelScope | None = None
        self.changed: Final = Signal()  # state, progress, rows, connection
        self.state_lock: Final = trio.Lock()
        self.log_lock: Final = trio.Lock()
        self.ended: Final = trio.Event()  # a final state, everything temporary gone
        self.run_scope: trio.CancelScope | None = None
        self.is_closing = False  # a run has ended, and what it left is being seen to
        self.is_parked = False  # its run has no slot until rows come
        self.taken_over: Task | None = None  # as this run had it when somebody else took it
        self.is_stored = True

    @property
    def log(self) -> SpoolLog:
        """The log of a pushed task's rows."""
        assert self._log is not None, "a pulled task has no log"  # noqa: S101  a defect, no input
        return self._log

    @property
    def is_pushed(self) -> bool:
        """Tell whether the task has a log of its own."""
        return self._log is not None

    @property
    def is_running(self) -> bool:
        """Tell whether a run has claimed the task and goes on."""
        return self.task.state in RUNNING and self.run_scope is not None

    @property
    def is_unclaimed(self) -> bool:
        """Tell whether the task waits for a slot, or for its client before it has had one."""
        return self.task.state is TaskState.QUEUED and self.run_scope is None

    @property
    def was_left(self) -> bool:
        """Tell whether the task had a slot, and its client went away before its rows ended."""
        return self.is_parked and self.connection is None

    @property
    def claimable(self) -> bool:
        """Tell whether the task may have a slot: queued, and rows here or coming.

        Not before the run before has been closed: that would take the next one for its own.
        """
        has_rows = self.rows_ended or self.connection is not None
        return self.task.state is TaskState.QUEUED and has_rows and not self.is_closing

    @property
    def lag_bytes(self) -> int:
        """Bytes appended to the log that the writer has not read yet."""
        return self.log.file_bytes - self.consumed_bytes

    def connect(self, scope: trio.CancelScope) -> None:
        """Take a new connection; the one before it is told to go."""
        older, self.connection = self.connection, scope
        self.alone_since = None
        self.stream_failure = None
        if older is not None:
            older.cancel()
        self.changed.notify()

    def disconnect(self, scope: trio.CancelScope) -> None:
        """Let a connection go, unless a newer one has taken its place."""
        if self.connection is scope:
            self.connection = None
            self.alone_since = trio.current_time()
            self.changed.notify()

    def rows_appended(self, rows: int) -> None:
        """Take note of rows that are in the log now."""
        self.rows_received = rows
        self.changed.notify()

    def expect_rows(self, rows: int) -> None:
        """Take note of how many rows a provider has in all; 0 = it can't tell."""
        self.expected_rows = rows
        self.changed.notify()

    def end_rows(self) -> None:
        """Take note that no more rows will come."""
        self.rows_ended = True
        self.changed.notify()

    def rows_read(self, rows_written: int, consumed_bytes: int, file_bytes: int = 0) -> None:
        """Take note of the writer's progress; 0, 0 when it starts again from the log."""
        self.rows_written = rows_written
        self.consumed_bytes = consumed_bytes
        self.file_bytes = file_bytes
        self.changed.notify()

    def snapshot(self) -> Task:
        """Give the task as of now."""
        return replace(
            self.task,
            rows_received=self.rows_received,
            rows_written=self.rows_written,
            rows_ended=self.rows_ended,
            expected_rows=self.expected_rows,
        )

    def view(self) -> TaskView:
        """Give the task with its speed and what is left of it."""
        task = self.snapshot()
        rate = self._rows_per_second()
        total = task.rows_total
        left = max(0, total - task.rows_written) if total else 0
        return TaskView(
            task=task,
            rows_per_second=rate,
            remaining_seconds=round(left / rate) if total and rate else -1,
            next_sequence=0 if self.rows_ended else self.log.next_sequence,
            file_bytes=self.file_bytes if task.state in RUNNING else 0,
        )

    def _rows_per_second(self) -> float:
        if self.started_writing is None or not self.rows_written:
            return 0.0
        return self.rows_written / max(1e-3, trio.current_time() - self.started_writing)


class LiveTasks:
    """The live tasks of this process, by id."""

    def __init__(self) -> None:
        self._tasks: dict[str, LiveTask] = {}

    def add(self, live: LiveTask) -> None:
        """Take a task in."""
        self._tasks[live.task.id] = live

    def remove(self, live: LiveTask) -> None:
        """Let a task go."""
        self._tasks.pop(live.task.id, None)

    def get(self, task_id: str) -> LiveTask | None:
        """Look a task up, whoever's it is."""
        return self._tasks.get(task_id)

    def find(self, client: str, task_id: str) -> LiveTask | None:
        """Look a client's own task up."""
        live = self._tasks.get(task_id)
        return live if live is not None and live.task.client == client else None

    def count(self, *states: TaskState) -> int:
        """Count the tasks in these states."""
        return sum(live.task.state in states for live in self._tasks.values())

    def unclaimed_pushes(self, client: str) -> int:
        """Count a client's pushed tasks that wait for a slot, or for it to come back."""
        return sum(
            live.is_pushed and live.is_unclaimed and live.task.client == client
            for live in self._tasks.values()
        )

    def places_taken(self) -> int:
        """Count the places of the pushed tasks that wait, for a slot or for a client that left."""
        return sum(
            live.places
            for live in self._tasks.values()
            if live.is_pushed and (live.is_unclaimed or live.was_left)
        )

    def __iter__(self) -> Iterator[LiveTask]:
        return iter(list(self._tasks.values()))

    def __len__(self) -> int:
        return len(self._tasks)


def places(spec: ExportSpec) -> int:
    """Tell how many places in line a request takes: what waits is in memory, columns and all."""
    return 1 + spec.resident_bytes // PLACE_BYTES
