"""The seams between the use cases and the world.

``export/`` knows these shapes only; adapters have them without inheriting. A port whose methods
are plain functions is blocking: the use cases call it in a worker thread under a named limiter,
one call at a time for one object. A port whose methods are coroutines brings its own threads.

Every failure that an adapter raises is a ``RowferryError``; anything else is a defect.
"""

from rowferry.ports.access import ClientRulesSource, Doorkeeper
from rowferry.ports.files import (
    FileChecksums,
    FileDigest,
    FileSummary,
    RowWriter,
    RowWriters,
    Written,
)
from rowferry.ports.observer import Observer
from rowferry.ports.providers import (
    Cancellation,
    CountsRows,
    CsvRows,
    DataProvider,
    DataProviders,
    JsonRows,
    PulledSource,
    RowBatch,
)
from rowferry.ports.rows import (
    Appended,
    BatchMessage,
    BodyKind,
    RowBodies,
    RowBody,
    RowSource,
    RowSpool,
    SpoolLog,
)
from rowferry.ports.storage import (
    ByteStream,
    ListedObject,
    MultipartStorage,
    NewObject,
    ObjectStorage,
    Part,
    PartSource,
    Storages,
    StoredObject,
    Upload,
)
from rowferry.ports.tasks import (
    RECENT_MAX_CLIENTS,
    Chore,
    QueuedTask,
    Renewal,
    StoredTask,
    TaskPage,
    TaskQuery,
    TaskQueue,
    TaskStore,
)

__all__ = [
    "RECENT_MAX_CLIENTS",
    "Appended",
    "BatchMessage",
    "BodyKind",
    "ByteStream",
    "Cancellation",
    "Chore",
    "ClientRulesSource",
    "CountsRows",
    "CsvRows",
    "DataProvider",
    "DataProviders",
    "Doorkeeper",
    "FileChecksums",
    "FileDigest",
    "FileSummary",
    "JsonRows",
    "ListedObject",
    "MultipartStorage",
    "NewObject",
    "ObjectStorage",
    "Observer",
    "Part",
    "PartSource",
    "PulledSource",
    "QueuedTask",
    "Renewal",
    "RowBatch",
    "RowBodies",
    "RowBody",
    "RowSource",
    "RowSpool",
    "RowWriter",
    "RowWriters",
    "SpoolLog",
    "Storages",
    "StoredObject",
    "StoredTask",
    "TaskPage",
    "TaskQuery",
    "TaskQueue",
    "TaskStore",
    "Upload",
    "Written",
]
