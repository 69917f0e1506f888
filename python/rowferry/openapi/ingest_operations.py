"""Rows over HTTP: sent to an export, ended, or made into a file in one request."""

from typing import Any, Final

import msgspec

from rowferry.domain.errors import ErrorCode
from rowferry.ingest.http_answers import FINISH_PATH, ROWS_PATH
from rowferry.ingest.http_finish import FinishOrder
from rowferry.ingest.http_media_types import CSV_TYPE, FRAMES_TYPE, NDJSON_TYPE
from rowferry.ingest.http_one_shot import ONE_SHOT_PATH
from rowferry.ingest.one_shot_request import DEFAULT_FORMAT, EXTENSIONS
from rowferry.openapi.create_operations import IDEMPOTENCY_KEY
from rowferry.openapi.operation import Answer, Body, Operation, Parameter
from rowferry.openapi.task_operations import TASK, TASK_LINKS, TASK_PARAMETER
from rowferry.wire.asgi import JSON_TYPE

_COUNT: Final = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "default": 0}
_TEXT: Final = {"type": "string"}
_TASK_BODY: Final = Body(content={JSON_TYPE: TASK})
_POSITION: Final = {
    "Rowferry-Next-Sequence": "The number of the first batch that the service lacks; 0 = it "
    "takes no more.",
    "Rowferry-Rows-Received": "Rows that are kept.",
    "Rowferry-Status": "The task's state.",
}
_ROWS: Final = Body(
    content={
        CSV_TYPE: {"type": "string", "description": "RFC 4180 in UTF-8; `header=present` as a "
                   "parameter of the type: the first record names columns."},
        NDJSON_TYPE: {"type": "string", "description": "An array or an object a line."},
        FRAMES_TYPE: {"type": "string", "format": "binary", "description": "Encoded `RecordBatch` "
                      "messages, each behind its length as a varint."},
    },
    examples={CSV_TYPE: "1,Ada\r\n2,Grace\r\n", NDJSON_TYPE: '[1,"Ada"]\n[2,"Grace"]\n'},
)  # fmt: skip
_ROW_ERRORS: Final = (
    ErrorCode.INVALID_ROW,
    ErrorCode.INVALID_STATE,
    ErrorCode.IDEMPOTENCY_CONFLICT,
    ErrorCode.SEQUENCE_GAP,
    ErrorCode.ROW_COUNT_MISMATCH,
    ErrorCode.ROW_LIMIT,
    ErrorCode.TOO_LARGE,
    ErrorCode.STREAM_IDLE,
    ErrorCode.DISK_FULL,
    ErrorCode.WRITE_FAILED,
)
_RESUME_ERRORS: Final = (*_ROW_ERRORS, ErrorCode.NOT_FOUND, ErrorCode.WRONG_NODE)


def ingest_schemas() -> dict[str, Any]:
    """Give the schemas of what is sent."""
    return {"FinishOrder": msgspec.json.schema(FinishOrder)["$defs"]["FinishOrder"]}


def _query(name: str, description: str, schema: dict[str, Any]) -> Parameter:
    return Parameter(name=name, place="query", description=description, schema=schema)


_PREFER: Final = Parameter(
    name="Prefer",
    place="header",
    description="`wait=N`: answer after N seconds at most; `respond-async`: at once (RFC 7240).",
    schema=_TEXT,
    example="wait=30",
)
_EXPECTED_ROWS: Final = _query(
    "expected_rows", "With `finish`: rows in all; ROW_COUNT_MISMATCH if it differs.", _COUNT
)

INGEST_OPERATIONS: Final = (
    Operation(
        method="PUT",
        path=ROWS_PATH,
        name="sendRows",
        summary="Send rows",
        description="Appends rows to a pushed export. Once it is answered, they survive a crash. "
        "A refusal tells `next_sequence` and `rows_received` in its context. "
        "`Content-Encoding` may be gzip or zstd.",
        parameters=(
            TASK_PARAMETER,
            _query("seq", "Number of the body's first batch; 0: the service numbers.", _COUNT),
            _query("finish", "The body is the last one.", {"type": "boolean", "default": False}),
            _EXPECTED_ROWS,
            _PREFER,
        ),
        body=_ROWS,
        answers={
            200: Answer(
                description="The rows are kept.",
                body=_TASK_BODY,
                headers=_POSITION,
                links=TASK_LINKS,
            ),
            202: Answer(
                description="The rows are kept and have ended; the file is being made.",
                body=_TASK_BODY,
                headers=_POSITION,
                links=TASK_LINKS,
            ),
        },
        errors=_RESUME_ERRORS,
        own_statuses=(408, 415),
    ),
    Operation(
        method="HEAD",
        path=ROWS_PATH,
        name="askForNextRows",
        summary="Ask where rows go on",
        description="Tells how much of an export is kept, after a connection that broke.",
        parameters=(TASK_PARAMETER,),
        answers={200: Answer(description="In the header.", headers=_POSITION)},
        errors=(ErrorCode.NOT_FOUND, ErrorCode.WRONG_NODE),
    ),
    Operation(
        method="POST",
        path=FINISH_PATH,
        name="finishRows",
        summary="End the rows",
        description="Says that there are no more rows. Answers at once unless told to wait.",
        parameters=(TASK_PARAMETER, _PREFER),
        body=Body(
            content={JSON_TYPE: {"$ref": "#/components/schemas/FinishOrder"}},
            examples={JSON_TYPE: {"expected_rows": 2, "wait_seconds": 10}},
            required=False,
        ),
        answers={
            200: Answer(description="The task has ended.", body=_TASK_BODY, links=TASK_LINKS),
            202: Answer(description="The file is being made.", body=_TASK_BODY, links=TASK_LINKS),
        },
        errors=_RESUME_ERRORS,
    ),
    Operation(
        method="POST",
        path=ONE_SHOT_PATH,
        name="exportRows",
        summary="Make a file of rows",
        description="An export in one request: rows in, the file's link out. The columns are "
        "those that the CSV's first record names, or `columns`.",
        parameters=(
            _query(
                "format",
                "The file's format.",
                {"type": "string", "enum": list(EXTENSIONS), "default": DEFAULT_FORMAT},
            ),
            _query("filename", "Its name, for people.", {"type": "string", "maxLength": 63}),
            _query("header", "Whether CSV has one.", {"enum": ["present", "absent"]}),
            _query("columns", "JSON: names, or column definitions.", _TEXT),
            _query("column_types", "Types of the header's columns, with commas.", _TEXT),
            _query("options", "JSON: `FormatOptions`.", _TEXT),
            _query("tags", "JSON: an object of texts.", _TEXT),
            _query("owner", "The end user.", {"type": "string", "maxLength": 63}),
            _query("priority", "Smaller runs earlier.", {"type": "integer", "maximum": 1000}),
            _query("request_id", "As `Idempotency-Key`.", {"type": "string", "maxLength": 63}),
            _query("retention_seconds", "How long the file is kept.", _COUNT),
            _query("expected_rows", "Rows in all; ROW_COUNT_MISMATCH if it differs.", _COUNT),
            _query("download", "Answer 303 to the file.", {"type": "boolean", "default": False}),
            IDEMPOTENCY_KEY,
            _PREFER,
        ),
        body=_ROWS,
        answers={
            201: Answer(
                description="The task, COMPLETED, with its link.",
                body=_TASK_BODY,
                headers={"Location": "Where the task is asked for."},
                links=TASK_LINKS,
            ),
            202: Answer(
                description="It takes longer than `Prefer` waits for.",
                body=_TASK_BODY,
                headers={"Location": "Where the task is asked for."},
                links=TASK_LINKS,
            ),
            303: Answer(
                description="With `download`: the file is at `Location`.",
                body=_TASK_BODY,
                headers={"Location": "The file's link."},
            ),
        },
        errors=(
            *_ROW_ERRORS,
            ErrorCode.QUEUE_FULL,
            ErrorCode.QUEUE_TIMEOUT,
            ErrorCode.STORAGE_UNAVAILABLE,
            ErrorCode.CANCELLED,
        ),
        own_statuses=(408, 415),
    ),
    Operation(
        method="GET",
        path="/v1/exports/{task_id}/events",
        name="followExport",
        summary="Follow an export",
        description="The task now and after changes, as server-sent events `task`, until it is "
        "final. The WebSocket `/v1/progress` follows many.",
        parameters=(TASK_PARAMETER,),
        answers={
            200: Answer(description="Events.", body=Body(content={"text/event-stream": {}})),
            204: Answer(description="`Last-Event-ID` is the final state's."),
        },
        errors=(ErrorCode.NOT_FOUND,),
    ),
)
