"""What is known of tasks, and the line they wait in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final, Protocol

from rowferry.domain.quota import Usage
from rowferry.domain.spec import Format
from rowferry.domain.task import Source, Task, TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """A filtered page of a client's tasks, newest first; ``page_token`` "" = the first page."""

    states: frozenset[TaskState] = frozenset()
    formats: frozenset[Format] = frozenset()
    filename_contains: str = ""
    owner: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    page_size: int = 50
    page_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """Tasks, and the token of the next page or ""."""

    tasks: tuple[Task, ...]
    next_page_token: str


RECENT_MAX_CLIENTS: Final = 50
StoredTask = tuple[Task, Mapping[str, Any]]
"""A task and its request as ``create`` took it."""


class Chore(Enum):
    """What a scheduler looks for: see ``TaskStore.awaiting``.

    Pushed tasks that are due are given to the node of their spool only, and so are their spools;
    pulled tasks and everything else are given to any node.
    """

    LAPSED = auto()  # they run, and the lease is over by the store's clock
    DUE = auto()  # SCHEDULED or FAILED, and run_at is not after ``before``
    UNDISPATCHED = auto()  # pulled, QUEUED, and not handed to the queue yet
    OVERDUE = auto()  # pulled, and queued_at is not after ``before``
    LEFTOVERS = auto()  # FAILED for good or CANCELLED, and an object_key is recorded
    FILE_EXPIRED = auto()  # COMPLETED, and file_expires_at is not after ``before``
    SPOOL_EXPIRED = auto()  # FAILED for good, and spool_expires_at is not after ``before``
    # final without a file or rows, and finished_at and file_expires_at are not after ``before``
    FORGETTABLE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What became of a lease, and of a wish to cancel its task."""

    task_id: str
    held: bool
    cancel_reason: str | None = None  # None = nobody wishes it


class TaskStore(Protocol):
    """Keeps every task's state, never its rows.

    Each method is short and its own transaction. ``client`` is a filter of every query: another
    client's task is not there.
    """

    async def create(self, task: Task, document: Mapping[str, Any]) -> Task | None:
        """Insert a task with its request; None if (client, request_id) is taken already.

        The same task a second time is no other: it comes back as it is.
        """

    async def find_request(self, client: str, request_id: str) -> Task | None:
        """Look a task up by the client's idempotency key."""

    async def get(self, client: str, task_id: str) -> Task | None:
        """Look a task up."""

    async def load(self, task_id: str) -> StoredTask | None:
        """Look a task up with its request, whoever's it is: for the service's own work."""

    async def document(self, client: str, task_id: str) -> Mapping[str, Any] | None:
        """Give the request of a task as ``create`` took it."""

    async def update(self, task: Task, *, expected: TaskState) -> Task:
        """Write all of a task's state if it still has ``task.version`` and is still ``expected``.

        A task with a ``lease_owner`` gets a new lease by the store's clock, one without has none.
        Returns the task with its new version; raises INVALID_STATE when somebody else was first.
        """

    async def renew(self, tasks: Sequence[Task]) -> Sequence[Renewal]:
        """Renew the leases of running tasks and note their progress, all in one transaction.

        Progress is ``rows_received``, ``rows_written`` and ``rows_ended``; versions stay. A lease
        is held while nobody has changed the task since; the answers come in the tasks' order.
        """

    async def request_cancel(self, client: str, task_id: str, reason: str) -> bool:
        """Tell the owner of a running task's lease to cancel it; False if it does not run.

        The owner hears of it by ``renew``, the scheduler by ``cancel_reason`` if it is gone.
        """

    async def cancel_reason(self, client: str, task_id: str) -> str | None:
        """Give the reason of a cancellation that was requested and not done yet."""

    async def reserve(self, owner: str, held: Collection[str] = ()) -> str | None:
        """Give the first queued pulled task that nobody has reserved; None if there is none.

        The clients that are ``held`` are passed over.

        The order is that of claims: priority class, the client's virtual time, priority, id. The
        reservation is a lease of ``owner``: it ends with the task's next change, or by itself.
        """

    async def awaiting(
        self, chore: Chore, *, node: str, before: datetime, limit: int
    ) -> Sequence[Task]:
        """Give tasks of all clients that a node's scheduler has to do something about."""

    async def find(self, task_ids: Sequence[str]) -> Mapping[str, Task]:
        """Look tasks up by their ids, whoever's they are; strangers are left out."""

    async def list(self, client: str, query: TaskQuery) -> TaskPage:
        """Give one page; raise INVALID_METADATA for a token that ``list`` did not give."""

    async def recent(
        self, clients: Sequence[str], *, since: datetime, limit: int
    ) -> Sequence[Task]:
        """Give, of each client, the newest tasks in each unfinished state, and those made since.

        At most ``limit`` a client and kind; no more than ``RECENT_MAX_CLIENTS`` are asked about.
        """

    async def unfinished(self, node: str) -> Sequence[Task]:
        """Give a node's tasks, of all clients, that are not final, oldest first (for recovery).

        Tasks of no node are everybody's.
        """

    async def queued_pulls(self, client: str | None = None) -> int:
        """Count the pulled tasks that wait for a slot: of one client, or of all."""

    async def delete(self, client: str, task_id: str) -> None:
        """Forget a task and its request; no error if there is none."""

    async def usage(self, client: str, day: str) -> Mapping[str, Usage]:
        """Give what a client has sent on a UTC day (``YYYY-MM-DD``), as each node counted it."""

    async def put_usage(self, client: str, day: str, node: str, usage: Usage) -> None:
        """Write what a node has counted so far of a client's day; once is as good as twice.

        Days are kept for a month at least.
        """

    async def identity(self) -> str:
        """Give the random id that was made with the database: no two have the same.

        It stays for good, in a database that was restored from a backup too.
        """

    async def health(self) -> None:
        """Raise unless the store answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask:
    """What decides a task's place in line."""

    task_id: str
    client: str
    priority: int
    source: Source


class TaskQueue(Protocol):
    """Tasks that could run now, in the order they will: not blocking, used from the event loop.

    The order is: priorities below 100 first, then the client who had the least, then priority,
    then arrival.
    """

    def offer(self, task: QueuedTask) -> None:
        """Put a task in line; a second time does nothing."""

    def withdraw(self, task_id: str) -> None:
        """Take a task out of the line; no error if it is not in it."""

    def hold(self, client: str) -> None:
        """Leave a client's tasks in line, those too that come yet, until ``release``."""

    def release(self, client: str) -> None:
        """Give a client's tasks out again; no error if they are not held."""

    async def next(self) -> str:
        """Wait for the first task in line that is not held, and take it out."""

    def __len__(self) -> int:
        """Count the tasks in line."""
