"""Tasks over HTTP: asked for, acted on, and their files."""

from typing import Any, Final

import msgspec

from rowferry.domain.errors import ErrorCode
from rowferry.domain.spec import Format
from rowferry.openapi.message_schemas import answer_schema, words
from rowferry.openapi.operation import Answer, Body, Operation, Parameter
from rowferry.status.http_commands import CancelOrder
from rowferry.status.http_list_query import MAX_PAGE_SIZE
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import JSON_TYPE

TASK_ID_EXAMPLE: Final = "0190a0b0c0d07000800000000000000f"
TASK: Final = {"$ref": "#/components/schemas/Task"}
TASK_LINKS: Final = ("getExport", "cancelExport", "retryExport", "deleteExport")
TASK_PARAMETER: Final = Parameter(
    name="task_id",
    place="path",
    description="The task's id.",
    schema={"type": "string", "pattern": "^[0-9a-f]{32}$"},
    required=True,
    example=TASK_ID_EXAMPLE,
)
TASK_ANSWER: Final = Answer(
    description="The task as it is then.",
    body=Body(content={JSON_TYPE: TASK}),
    links=TASK_LINKS,
)
FILE_TYPES: Final = (
    "text/csv",
    "application/gzip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
_TIME: Final = {"type": "string", "format": "date-time"}
_TEXT: Final = {"type": "string"}


def task_schemas() -> dict[str, Any]:
    """Give the schemas of what these operations take and give."""
    return {
        "Task": _task_schema(),
        "TaskList": {
            "type": "object",
            "properties": {
                "tasks": {"type": "array", "items": TASK},
                "next_page_token": {"type": "string", "description": "Empty after the last page."},
            },
            "required": ["tasks", "next_page_token"],
            "additionalProperties": False,
        },
        "CancelOrder": msgspec.json.schema(CancelOrder)["$defs"]["CancelOrder"],
    }


def _task_schema() -> dict[str, Any]:
    schema = answer_schema(pb.TaskStatus)
    schema["properties"]["rows_url"] = {
        "type": "string",
        "description": "Where rows are sent, if the task takes any.",
    }
    return schema


def _filter(name: str, description: str, schema: dict[str, Any]) -> Parameter:
    return Parameter(name=name, place="query", description=description, schema=schema)


def _words(names: list[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": names}}


LIST_FILTERS: Final = (
    _filter("states", "Only tasks in these states.", _words(words(pb.TaskState.DESCRIPTOR))),
    _filter("formats", "Only files of these formats.", _words(list(Format))),
    _filter("filename_contains", "Only filenames with this text, upper or lower case.", _TEXT),
    _filter("owner", "Only tasks of this end user.", _TEXT),
    _filter("created_after", "Only tasks that are not older.", _TIME),
    _filter("created_before", "Only tasks that are older.", _TIME),
    _filter(
        "page_size",
        "Tasks on a page; 0 is 50.",
        {"type": "integer", "minimum": 0, "maximum": MAX_PAGE_SIZE, "default": 0},
    ),
    _filter("page_token", "The `next_page_token` of the page before, same filters.", _TEXT),
)

TASK_OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/exports",
        name="listExports",
        summary="List exports",
        description="The client's own tasks, newest first. `states` and `formats` may be given "
        "several times or with commas.",
        parameters=LIST_FILTERS,
        answers={
            200: Answer(
                description="A page.",
                body=Body(content={JSON_TYPE: {"$ref": "#/components/schemas/TaskList"}}),
            )
        },
    ),
    Operation(
        method="GET",
        path="/v1/exports/{task_id}",
        name="getExport",
        summary="Ask for an export",
        description="The task as of now: its state, its progress, its link once it is COMPLETED.",
        parameters=(TASK_PARAMETER,),
        answers={200: TASK_ANSWER},
        errors=(ErrorCode.NOT_FOUND,),
    ),
    Operation(
        method="POST",
        path="/v1/exports/{task_id}/cancel",
        name="cancelExport",
        summary="Cancel an export",
        description="Ends a task in any state that is not final, on whichever node it runs.",
        parameters=(TASK_PARAMETER,),
        body=Body(
            content={JSON_TYPE: {"$ref": "#/components/schemas/CancelOrder"}},
            examples={JSON_TYPE: {"reason": "not needed any more"}},
            required=False,
        ),
        answers={200: TASK_ANSWER},
        errors=(ErrorCode.NOT_FOUND, ErrorCode.INVALID_STATE, ErrorCode.TOO_LARGE),
    ),
    Operation(
        method="POST",
        path="/v1/exports/{task_id}/retry",
        name="retryExport",
        summary="Try a failed export again",
        description="At once, from its provider or from the rows that are kept.",
        parameters=(TASK_PARAMETER,),
        answers={200: TASK_ANSWER},
        errors=(
            ErrorCode.NOT_FOUND,
            ErrorCode.INVALID_STATE,
            ErrorCode.QUEUE_FULL,
            ErrorCode.WRONG_NODE,
            ErrorCode.DISK_FULL,
        ),
    ),
    Operation(
        method="DELETE",
        path="/v1/exports/{task_id}",
        name="deleteExport",
        summary="Delete an export",
        description="Removes the file and the rows of a task that has ended: it is EXPIRED then.",
        parameters=(TASK_PARAMETER,),
        answers={200: TASK_ANSWER},
        errors=(
            ErrorCode.NOT_FOUND,
            ErrorCode.INVALID_STATE,
            ErrorCode.WRONG_NODE,
            ErrorCode.STORAGE_UNAVAILABLE,
        ),
    ),
    Operation(
        method="GET",
        path="/d/{token}",
        name="download",
        summary="Download a file",
        description="The link of a COMPLETED task. Who has it may download until it expires; no "
        "token is asked for. Takes ranges and conditions (RFC 9110 §13, §14).",
        parameters=(
            Parameter(
                name="token",
                place="path",
                description="What the link ends with.",
                schema=_TEXT,
                required=True,
            ),
        ),
        answers={
            200: Answer(
                description="The file.",
                body=Body(content={kind: {} for kind in FILE_TYPES}),
                headers={
                    "ETag": "The file's SHA-256.",
                    "Content-Disposition": "Its name (RFC 6266).",
                },
            ),
            206: Answer(description="The part that `Range` asks for."),
            302: Answer(
                description="The file is at `Location`, for some minutes.",
                headers={"Location": "A signed address."},
            ),
            304: Answer(description="The client has the file."),
        },
        errors=(ErrorCode.NOT_FOUND, ErrorCode.STORAGE_UNAVAILABLE),
        own_statuses=(410, 412, 416),
        is_public=True,
    ),
)
