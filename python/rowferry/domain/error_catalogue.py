"""What each error code tells: its meaning, what helps, who tries again, what its context holds.

The sentence of an error stands where it is raised, beside the condition it speaks of. All that is
the same for every error of a code stands here, ``docs/errors.md`` is written from it
(``just docs``), and the test suite holds every error that is raised
in it to this page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from rowferry.domain.errors import RETRY_AFTER_SECONDS, ErrorClass, ErrorCode


class TriedAgain(StrEnum):
    """Who may get further by trying the same once more."""

    BY_NOBODY = "no"
    BY_CLIENT = "client"
    BY_SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEntry:
    """One code: ``context`` are the keys it may carry beside those that every code may."""

    error_class: ErrorClass
    meaning: str
    remedy: str
    tried_again: TriedAgain = TriedAgain.BY_NOBODY
    context: tuple[str, ...] = ()

    def may_carry(self, key: str) -> bool:
        """Tell whether a context of this code may have a key."""
        return key in self.context or key in CONTEXT_OF_EVERY_CODE


CONTEXT_OF_EVERY_CODE: Final = ("task_id", "next_sequence", "rows_received")
"""Which task it was, and what of a request's rows was kept before it was refused."""

_VALUE: Final = ("field", "expected", "got")
_STORAGE: Final = (
    "storage_code",
    "storage_request",
    "storage_detail",
    "http_status",
    "expires_in_seconds",
    "upload_timeout_seconds",
)

CATALOGUE: Final[Mapping[ErrorCode, ErrorEntry]] = MappingProxyType(
    {
        ErrorCode.INVALID_METADATA: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="a field of the request can't be used, messages came in the wrong order, or "
            "batch numbers of both modes were mixed",
            remedy="correct the request",
            context=(*_VALUE, "size_bytes"),
        ),
        ErrorCode.INVALID_ROW: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="a batch breaks its structure: wrong number of cells, bad UTF-8, JSON, CSV or "
            "protobuf; nothing of it was kept",
            remedy="correct the batch and resume, or cancel",
            context=("row", "body_row", "message", "column", "key", "expected", "got"),
        ),
        ErrorCode.SEQUENCE_GAP: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="a batch is missing",
            remedy="send from `expected` on",
            context=("expected", "got"),
        ),
        ErrorCode.IDEMPOTENCY_CONFLICT: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="the request_id, or the batch's number, was used for other content",
            remedy="use a new request_id",
            context=("request_id", "batch_sequence"),
        ),
        ErrorCode.INVALID_STATE: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="the task's state does not allow the call",
            remedy="look at the task",
            context=("state", "wanted", "error_code", "batch_sequence", "provider"),
        ),
        ErrorCode.ROW_COUNT_MISMATCH: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="`finish.expected_rows` is not the number of rows received; the task stays "
            "open for the resume window",
            remedy="send what is missing, or cancel",
            context=("expected", "got"),
        ),
        ErrorCode.ROW_LIMIT: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="more rows than a sheet has, with `row_overflow = fail`",
            remedy="allow further sheets, or export CSV",
            context=("limit",),
        ),
        ErrorCode.TOO_LARGE: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="a message is over `server.max_message_bytes`, or a body over its limit; or, "
            "with the task FAILED, its rows are over `spool.max_bytes_per_task`",
            remedy="send smaller batches; export less at once",
            context=("limit", "max_message_bytes", "part_bytes", "row", "body_row"),
        ),
        ErrorCode.NOT_FOUND: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="there is no such task, link, file or address; a link that has expired "
            "answers HTTP 410",
            remedy="check the task's id and the client's name",
            context=("expired_at",),
        ),
        ErrorCode.UNAUTHENTICATED: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="no token, or one that is not known, revoked or over",
            remedy="show a token that works",
        ),
        ErrorCode.FORBIDDEN: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="the client is known and may not do this",
            remedy="ask the operator",
            context=("client", "field", "limit"),
        ),
        ErrorCode.RATE_LIMITED: ErrorEntry(
            error_class=ErrorClass.CONCURRENCY_LIMIT,
            meaning="the client's share is used up",
            remedy="come again after `retry_after_seconds`, which `Retry-After` says too",
            tried_again=TriedAgain.BY_CLIENT,
            context=(RETRY_AFTER_SECONDS, "limit"),
        ),
        ErrorCode.QUEUE_FULL: ErrorEntry(
            error_class=ErrorClass.CONCURRENCY_LIMIT,
            meaning="all slots and places in the queue are taken",
            remedy="try again later",
            tried_again=TriedAgain.BY_CLIENT,
            context=("limit", RETRY_AFTER_SECONDS),
        ),
        ErrorCode.QUEUE_TIMEOUT: ErrorEntry(
            error_class=ErrorClass.CONCURRENCY_LIMIT,
            meaning="the task waited longer than `concurrency.queue_timeout_seconds`",
            remedy="RetryTask, or export again later",
            tried_again=TriedAgain.BY_CLIENT,
            context=("queue_timeout_seconds",),
        ),
        ErrorCode.STREAM_IDLE: ErrorEntry(
            error_class=ErrorClass.STREAM,
            meaning="nothing came for `server.idle_timeout_seconds`, or a message came slowly "
            "while others waited for its memory",
            remedy="resume within the window",
            tried_again=TriedAgain.BY_CLIENT,
            context=("idle_timeout_seconds",),
        ),
        ErrorCode.STREAM_LOST: ErrorEntry(
            error_class=ErrorClass.STREAM,
            meaning="the stream broke off and nobody resumed it within "
            "`spool.resume_window_seconds`",
            remedy="send the same request again, or export again",
            tried_again=TriedAgain.BY_CLIENT,
        ),
        ErrorCode.CANCELLED: ErrorEntry(
            error_class=ErrorClass.STREAM,
            meaning="the task was cancelled",
            remedy="nothing",
        ),
        ErrorCode.SHUTTING_DOWN: ErrorEntry(
            error_class=ErrorClass.STREAM,
            meaning="the service stops; acknowledged rows are kept",
            remedy="connect again and resume",
            tried_again=TriedAgain.BY_CLIENT,
        ),
        ErrorCode.WRONG_NODE: ErrorEntry(
            error_class=ErrorClass.STREAM,
            meaning="the task's rows are on another node",
            remedy="resume at `node_address`",
            tried_again=TriedAgain.BY_CLIENT,
            context=("node_address",),
        ),
        ErrorCode.DISK_FULL: ErrorEntry(
            error_class=ErrorClass.WRITE,
            meaning="the disk has no room, or `spool.max_bytes` or `storage.min_free_bytes` is "
            "reached; what was acknowledged is kept",
            remedy="make room, then resume",
            tried_again=TriedAgain.BY_SERVICE,
            context=("free_bytes", "min_free_bytes", "max_bytes"),
        ),
        ErrorCode.WRITE_FAILED: ErrorEntry(
            error_class=ErrorClass.WRITE,
            meaning="a file of the service can't be written, or its disk does not answer in time",
            remedy="see the service's log",
            tried_again=TriedAgain.BY_SERVICE,
            context=("write_timeout_seconds",),
        ),
        ErrorCode.STORAGE_UNAVAILABLE: ErrorEntry(
            error_class=ErrorClass.STORAGE,
            meaning="the storage can't be reached or refuses",
            remedy="it is tried again; see the service's log",
            tried_again=TriedAgain.BY_SERVICE,
            context=_STORAGE,
        ),
        ErrorCode.UPLOAD_FAILED: ErrorEntry(
            error_class=ErrorClass.UPLOAD,
            meaning="the storage answers, but this upload did not become the whole object",
            remedy="it is tried again",
            tried_again=TriedAgain.BY_SERVICE,
            context=_STORAGE,
        ),
        ErrorCode.LEASE_EXPIRED: ErrorEntry(
            error_class=ErrorClass.SYSTEM,
            meaning="the process that worked on the task stopped answering",
            remedy="nothing: the task is tried again",
            tried_again=TriedAgain.BY_SERVICE,
        ),
        ErrorCode.PROVIDER_FAILED: ErrorEntry(
            error_class=ErrorClass.SYSTEM,
            meaning="the data provider of a pulled export failed",
            remedy="nothing while it is tried again; else see the service's log",
            tried_again=TriedAgain.BY_SERVICE,
            context=("provider",),
        ),
        ErrorCode.PROVIDER_REFUSED: ErrorEntry(
            error_class=ErrorClass.VALIDATION,
            meaning="the data provider can't serve this request, now or later: a database finds "
            "the query or its parameters wrong",
            remedy="correct the parameters, or have the operator correct the query",
            context=("provider", "provider_code"),
        ),
        ErrorCode.PROVIDER_TIMEOUT: ErrorEntry(
            error_class=ErrorClass.SYSTEM,
            meaning="the query of a pulled export took longer than its "
            "`statement_timeout_seconds`, and was ended at the database",
            remedy="ask for fewer rows, or RetryTask when the database has less to do",
            tried_again=TriedAgain.BY_CLIENT,
            context=("provider", "statement_timeout_seconds"),
        ),
        ErrorCode.DATABASE_UNAVAILABLE: ErrorEntry(
            error_class=ErrorClass.SYSTEM,
            meaning="the task database can't be reached, or stays locked by somebody else; what "
            "was acknowledged is kept",
            remedy="try again; resume",
            tried_again=TriedAgain.BY_SERVICE,
        ),
        ErrorCode.INTERNAL: ErrorEntry(
            error_class=ErrorClass.SYSTEM,
            meaning="a defect; the service's log has the details under the task's id",
            remedy="report it",
            tried_again=TriedAgain.BY_SERVICE,
            context=("expected", "got"),
        ),
    }
)

CONTEXT_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "task_id": "the task",
        "next_sequence": "the number of the first batch that the service lacks",
        "rows_received": "rows of the task that are kept",
        "field": "path of the field: `columns[2].format`, `options.csv_delimiter`",
        "expected": "what may stand there, or what was due",
        "got": "what came, cut off after 40 characters; never a whole cell",
        "row": "data row of the export, from 1",
        "body_row": "data row of the HTTP body, from 1; alone if the body repeats what is kept",
        "message": "message of a body of frames, from 1",
        "column": "column, from 0",
        "key": "key of a JSON object row",
        "request_id": "the idempotency key",
        "batch_sequence": "number of the batch",
        "state": "the task's state",
        "wanted": "the state that it can't have",
        "error_code": "why the task failed",
        "client": "the client that may not",
        "limit": "the bound that was passed: bytes, rows or tasks, as the sentence says",
        "max_message_bytes": "bytes a message may have",
        "part_bytes": "bytes of a part of the upload",
        "size_bytes": "bytes of the file, of which a range beyond the end was asked",
        "expired_at": "when the link ended",
        RETRY_AFTER_SECONDS: "when another try makes sense, as `Retry-After` has it",
        "queue_timeout_seconds": "how long a task may wait",
        "node_address": "the node that has the rows",
        "free_bytes": "room on the disk",
        "min_free_bytes": "`storage.min_free_bytes`",
        "max_bytes": "`spool.max_bytes`",
        "idle_timeout_seconds": "how long nothing may come",
        "write_timeout_seconds": "how long the disk had to answer",
        "storage_code": "the storage's own word for it: `AccessDenied`",
        "storage_request": "the storage's number of the request",
        "storage_detail": "the storage's number of the cause",
        "http_status": "the storage's HTTP status",
        "expires_in_seconds": "how long an address should have been good",
        "upload_timeout_seconds": "how long an upload may take",
        "provider": "name of the data provider",
        "provider_code": "the database's own word for it: SQLSTATE, number or name",
        "statement_timeout_seconds": "how long the query may take",
    }
)
