"""What happens, as values: the log, the metrics and the progress feed are observers of these.

The class's name is the event's name in the log. Each field of an event is a field of its log
line; none ever holds a cell's value, a token or a signed link.
"""

from rowferry.domain.events.access import (
    AccessRefused,
    AccessReloaded,
    AccessReloadFailed,
    CallerKeptOut,
)
from rowferry.domain.events.event import (
    Event,
    Level,
    TaskEvent,
)
from rowferry.domain.events.files import (
    FileCreated,
    FileFinalized,
    RecordsWritten,
    TempFileDeleted,
)
from rowferry.domain.events.rows import (
    BatchReceived,
    ProviderFailed,
    StreamError,
    ValidationError,
)
from rowferry.domain.events.service import (
    ServiceReady,
    ServiceStopped,
    ServiceStopping,
    SystemError,  # noqa: A004  the event
)
from rowferry.domain.events.status import (
    FileDownloaded,
    StatusNotFound,
    StatusQueried,
    TaskCommandAnswered,
    WatcherJoined,
    WatcherLeft,
    WatcherStalled,
)
from rowferry.domain.events.storage import (
    FileStored,
    LeftoversKept,
    ObjectTagsFailed,
    OrphanRemoved,
    OSSPartUploaded,
    OSSUploadCompleted,
    OSSUploadFailed,
    OSSUploadStarted,
    StorageAlert,
    StorageCallRetried,
)
from rowferry.domain.events.tasks import (
    ConcurrencyLimitReached,
    LeaseLost,
    RowsOfNoTask,
    TaskCancelled,
    TaskCheckpointed,
    TaskCompleted,
    TaskCreated,
    TaskDeleted,
    TaskDequeued,
    TaskExpired,
    TaskFailed,
    TaskParked,
    TaskQueued,
    TaskRecovered,
    TaskReopened,
    TaskRequeued,
    TaskRetryScheduled,
    TaskStarted,
)

__all__ = [
    "AccessRefused",
    "AccessReloadFailed",
    "AccessReloaded",
    "BatchReceived",
    "CallerKeptOut",
    "ConcurrencyLimitReached",
    "Event",
    "FileCreated",
    "FileDownloaded",
    "FileFinalized",
    "FileStored",
    "LeaseLost",
    "LeftoversKept",
    "Level",
    "OSSPartUploaded",
    "OSSUploadCompleted",
    "OSSUploadFailed",
    "OSSUploadStarted",
    "ObjectTagsFailed",
    "OrphanRemoved",
    "ProviderFailed",
    "RecordsWritten",
    "RowsOfNoTask",
    "ServiceReady",
    "ServiceStopped",
    "ServiceStopping",
    "StatusNotFound",
    "StatusQueried",
    "StorageAlert",
    "StorageCallRetried",
    "StreamError",
    "SystemError",
    "TaskCancelled",
    "TaskCheckpointed",
    "TaskCommandAnswered",
    "TaskCompleted",
    "TaskCreated",
    "TaskDeleted",
    "TaskDequeued",
    "TaskEvent",
    "TaskExpired",
    "TaskFailed",
    "TaskParked",
    "TaskQueued",
    "TaskRecovered",
    "TaskReopened",
    "TaskRequeued",
    "TaskRetryScheduled",
    "TaskStarted",
    "TempFileDeleted",
    "ValidationError",
    "WatcherJoined",
    "WatcherLeft",
    "WatcherStalled",
]
