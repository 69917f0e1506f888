"""The seams between the use cases and the world.

``export/`` knows these shapes only; adapters have them without inheriting. A port whose methods
are plain functions is blocking: the use cases call it in a worker thread under a named limiter,
one call at a time for one object. A port whose methods are coroutines brings its own threads.

Every failure that an adapter raises is a ``RowferryError``; anything else is a defect.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol, runtime_checkable

from rowferry.domain.errors import RowferryError
from rowferry.domain.events import Event
from rowferry.domain.spec import Column, ExportSpec, Format
from rowferry.domain.task import FidelityIssue, Source, Task, TaskState

BatchMessage = tuple[bytes, int]
"""A buffer and the offset in it where an encoded RecordBatch begins; it ends with the buffer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The outcome of appending batches: the log's totals, and the first refusal if there was one.

    Batches before the refused one are kept; of the refused one and those behind it nothing is.
    ``log_full``: it was refused because the log may not grow further, ever.
    """

    last_sequence: int
    rows: int
    payload_bytes: int
    batches_appended: int
    duplicates: int
    refused: RowferryError | None
    log_full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSummary:
    """A finished file; ``sha256`` is None if it could not be had while the file was written."""

    rows: int
    file_bytes: int
    sha256: str | None
    fidelity: tuple[FidelityIssue, ...]


class RowSource(Protocol):
    """Where the pipeline reads rows: blocking, restartable by opening another one."""

    def read(self, max_bytes: int) -> bytes:
        """Give whole frames of at most ``max_bytes`` (one frame may be larger); b"" = none now."""

    @property
    def rows(self) -> int:
        """Rows in the frames read so far."""

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows has been read."""


class SpoolLog(Protocol):
    """One task's append-only log of batches; what ``append`` took survives a crash of the process.

    The methods block and are safe in several threads. The properties say what is so behind the
    last ``append`` or ``end``: they never block.
    """

    def append(self, messages: Sequence[BatchMessage]) -> Appended:
        """Check, number and append batches in order, all in one call."""

    def end(self, expected_rows: int) -> None:
        """Mark the end of rows; raise ROW_COUNT_MISMATCH if ``expected_rows`` > 0 differs."""

    def sync(self) -> None:
        """Make what was appended before survive a loss of power, if the spool promises it.

        Rows may be appended meanwhile. Raises WRITE_FAILED or DISK_FULL: the log is of no further
        use then, beyond what was synced before.
        """

    def reader(self) -> RowSource:
        """Open a source at the first row; it may be read while rows are appended."""

    def close(self) -> None:
        """Let go of the files; what is in the log stays."""

    @property
    def next_sequence(self) -> int:
        """The first batch that the log lacks."""

    @property
    def rows(self) -> int:
        """Rows in the log."""

    @property
    def payload_bytes(self) -> int:
        """Bytes of batches in the log."""

    @property
    def file_bytes(self) -> int:
        """Size of the log: what its sources give, and the headers and marks around it."""

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows is marked."""

    @property
    def unsynced(self) -> bool:
        """Tell whether ``sync`` has something to do: never so where it is not promised."""


class RowSpool(Protocol):
    """Keeps the logs: blocking."""

    def create(self, task_id: str, spec: ExportSpec) -> SpoolLog:
        """Make an empty log, synced if the spool promises it; raise DISK_FULL or WRITE_FAILED."""

    def open(self, task_id: str, spec: ExportSpec) -> SpoolLog | None:
        """Open a log of an earlier run, a torn tail cut off; None if there is none."""

    def delete(self, task_id: str) -> None:
        """Remove a log; no error if there is none."""

    def task_ids(self) -> Collection[str]:
        """Name the tasks that have a log."""


class RowWriter(Protocol):
    """Rows become a file: blocking, one call at a time."""

    def write(self, frames: bytes) -> tuple[int, int]:
        """Write what a RowSource gave; return rows and file bytes written so far."""

    def finish(self) -> FileSummary:
        """Complete the file; it is durable once it is in storage."""

    def close(self) -> None:
        """Let go of the file, finished or not; the caller removes it. Safe to call twice."""


class FileDigest(Protocol):
    """The SHA-256 of a finished file, step by step: blocking, one call at a time."""

    def advance(self, max_bytes: int) -> str | None:
        """Hash about ``max_bytes`` more; once all are, give the lower-case hex."""


class RowWriters(Protocol):
    """The formats there are."""

    def check(self, spec: ExportSpec) -> None:
        """Raise INVALID_METADATA unless a writer can do exactly what the request asks for."""

    def extension(self, spec: ExportSpec) -> str:
        """Give the file's extension with its dot: ``.xlsx``, ``.csv``, ``.csv.gz``."""

    def content_type(self, spec: ExportSpec) -> str:
        """Give the file's media type."""

    def open(self, spec: ExportSpec, path: str) -> RowWriter:
        """Create the file with its header: blocking; raise DISK_FULL or WRITE_FAILED."""

    def open_digest(self, path: str) -> FileDigest:
        """Open a finished file, which may be moved or removed meanwhile; blocking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What a storage knows of an object."""

    key: str
    size_bytes: int
    content_type: str
    content_disposition: str
    tags: Mapping[str, str]


class ObjectStorage(Protocol):
    """Where files end up: blocking and thread-safe. Raises STORAGE_UNAVAILABLE or DISK_FULL."""

    def put(self, path: str, stored: StoredObject) -> None:
        """Store the file at ``path`` whole under ``stored.key``, visible only when complete.

        The file may be moved: the caller does not use ``path`` afterwards.
        """

    def head(self, key: str) -> StoredObject | None:
        """Look an object up; None if it is not there."""

    def delete(self, key: str) -> None:
        """Remove an object; no error if it is not there."""

    def open_range(self, key: str, start: int) -> "ByteStream":
        """Open an object's bytes from ``start`` on; raise NOT_FOUND."""

    def health(self) -> None:
        """Raise STORAGE_UNAVAILABLE unless an object could be stored now."""


class ByteStream(Protocol):
    """Bytes of a stored object: blocking."""

    def read(self, max_bytes: int) -> bytes:
        """Give at most ``max_bytes``; b"" at the end."""

    def close(self) -> None:
        """Let go of it."""


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

    async def reserve(self, owner: str) -> str | None:
        """Give the first queued pulled task that nobody has reserved; None if there is none.

        The order is that of claims: priority class, the client's virtual time, priority, id. The
        reservation is a lease of ``owner``: it ends with the task's next change, or by itself.
        """

    async def awaiting(
        self, chore: Chore, *, node: str, before: datetime, limit: int
    ) -> Sequence[Task]:
        """Give tasks of all clients that a node's scheduler has to do something about."""

    async def list(self, client: str, query: TaskQuery) -> TaskPage:
        """Give one page; raise INVALID_METADATA for a token that ``list`` did not give."""

    async def unfinished(self, node: str) -> Sequence[Task]:
        """Give a node's tasks, of all clients, that are not final, oldest first (for recovery).

        Tasks of no node are everybody's.
        """

    async def queued_pulls(self) -> int:
        """Count the pulled tasks of all clients that wait for a slot."""

    async def delete(self, client: str, task_id: str) -> None:
        """Forget a task and its request; no error if there is none."""

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

    async def next(self) -> str:
        """Wait for the first task in line and take it out."""

    def __len__(self) -> int:
        """Count the tasks in line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonRows:
    """A batch that is encoded already: one JSON array of row arrays, UTF-8."""

    rows: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRows:
    """A batch that is encoded already: RFC 4180 records in UTF-8, no header."""

    rows: bytes


RowBatch = Sequence[Any] | JsonRows | CsvRows
"""Some rows: each a list or tuple with one cell for each column, or a mapping by column key.

A cell is text, a number (``Decimal`` keeps every digit), a truth value, a ``date``, a ``datetime``
or None.
"""


class Cancellation(Protocol):
    """How the end of an export reaches a provider that is blocked."""

    def on_cancel(self, hook: Callable[[], object]) -> None:
        """Call ``hook`` from another thread when the export is cancelled, at once if it is.

        It is called again while the provider goes on: what it ends may have begun only then.
        """

    @property
    def cancelled(self) -> bool:
        """Tell whether the export is cancelled."""


class DataProvider(Protocol):
    """Where pulled rows come from: what users write. All methods may block, none needs trio.

    Any exception means that another try may help, but for a ``RowferryError`` that says
    INVALID_METADATA, INVALID_ROW or NOT_FOUND: its message goes to the client.
    """

    @property
    def name(self) -> str:
        """The stable name that requests use."""

    @property
    def parameter_schema(self) -> Mapping[str, Any]:
        """What parameters it takes: JSON Schema (draft 4, 6 or 7) of an object."""

    def columns(self, parameters: Mapping[str, Any]) -> Sequence[Column]:
        """Give the columns of the rows, for requests that name none; answer soon."""

    def rows(
        self, parameters: Mapping[str, Any], cancellation: Cancellation
    ) -> Iterator[RowBatch]:
        """Give all rows, in batches; all in one thread, which closes the iterator too."""


@runtime_checkable
class CountsRows(Protocol):
    """A data provider that can tell the number of its rows beforehand: it makes progress known."""

    def count(self, parameters: Mapping[str, Any], cancellation: Cancellation) -> int | None:
        """Give the number of rows ``rows`` will give; None = not known this time."""


class PulledSource(RowSource, Protocol):
    """A provider being read, once. One thread calls all but ``cancel``.

    ``read`` waits for rows: b"" is the end. It raises PROVIDER_FAILED for whatever the provider
    raises, INVALID_ROW for rows that fit no file.
    """

    def count(self) -> int | None:
        """Give the number of rows to come; None if the provider can't tell."""

    def cancel(self) -> None:
        """Make a ``read`` in another thread end soon, if the provider can; never waits for it.

        May be called again: what began behind the first call is ended by the next.
        """

    def close(self) -> None:
        """Let go of the provider's iterator."""


class DataProviders(Protocol):
    """The data providers there are."""

    def accept(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give checked parameters, defaults filled in.

        Raises INVALID_METADATA for an unknown provider, naming those there are, and for
        parameters that its schema refuses, naming the field.
        """

    def columns(self, name: str, parameters: Mapping[str, Any]) -> tuple[Column, ...]:
        """Ask the provider for its columns: blocking; raise PROVIDER_FAILED if it can't tell."""

    def open(self, spec: ExportSpec) -> PulledSource:
        """Prepare to read a request's rows; nothing is asked of the provider yet.

        Raises PROVIDER_FAILED when it is not there any more: another node may have it.
        """


class Observer(Protocol):
    """Told of every event, in order, on the event loop: returns at once and never raises."""

    def observe(self, event: Event) -> None:
        """Take note of an event."""
