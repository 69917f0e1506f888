"""New exports over HTTP."""

from typing import Any, Final

from rowferry.domain.errors import ErrorCode
from rowferry.ingest.http_answers import EXPORTS_PATH
from rowferry.openapi.message_schemas import request_schema
from rowferry.openapi.operation import Answer, Body, Operation, Parameter
from rowferry.openapi.task_operations import TASK, TASK_LINKS
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import JSON_TYPE

_PULL_EXAMPLE: Final = {
    "metadata": {"request_id": "orders-2026-11", "format": "CSV", "filename": "orders"},
    "provider": "orders",
    "parameters": {"country": "DE"},
}


def create_schemas() -> dict[str, Any]:
    """Give the schemas of what is sent."""
    metadata = request_schema(pb.ExportMetadata, required=("format", "filename"))
    pull = request_schema(pb.CreateExportRequest, required=("metadata", "provider"))
    pull["properties"] |= {
        "metadata": {"$ref": "#/components/schemas/ExportMetadata"},
        "parameters": {"type": "object", "description": "Instead of `parameters_json`."},
    }
    push = {
        "type": "object",
        "properties": {"metadata": {"$ref": "#/components/schemas/ExportMetadata"}},
        "required": ["metadata"],
        "additionalProperties": False,
    }
    return {"ExportMetadata": metadata, "PulledExport": pull, "PushedExport": push}


_LINKS: Final = (*TASK_LINKS, "sendRows", "askForNextRows", "finishRows")
IDEMPOTENCY_KEY: Final = Parameter(
    name="Idempotency-Key",
    place="header",
    description="The request's id, unless the metadata has it: the same request again finds the "
    "same task.",
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)

CREATE_OPERATIONS: Final = (
    Operation(
        method="POST",
        path=EXPORTS_PATH,
        name="createExport",
        summary="Create an export",
        description="With `provider`, its rows are pulled from that data provider: nothing of it "
        "needs the client any more. Without, its rows are sent to `rows_url` afterwards; then "
        "`columns` are required, and the metadata may stand at the top.",
        parameters=(IDEMPOTENCY_KEY,),
        body=Body(
            content={
                JSON_TYPE: {
                    "anyOf": [
                        {"$ref": "#/components/schemas/PushedExport"},
                        {"$ref": "#/components/schemas/ExportMetadata"},
                        {"$ref": "#/components/schemas/PulledExport"},
                    ]
                }
            },
            examples={JSON_TYPE: _PULL_EXAMPLE},
        ),
        answers={
            200: Answer(
                description="The task that the same request made, which takes rows.",
                body=Body(content={JSON_TYPE: TASK}),
                headers={"Location": "Where the task is asked for."},
                links=_LINKS,
            ),
            201: Answer(
                description="A task that takes rows.",
                body=Body(content={JSON_TYPE: TASK}),
                headers={"Location": "Where the task is asked for."},
                links=_LINKS,
            ),
            202: Answer(
                description="A task that is pulled, QUEUED or SCHEDULED.",
                body=Body(content={JSON_TYPE: TASK}),
                headers={"Location": "Where the task is asked for."},
                links=TASK_LINKS,
            ),
        },
        errors=(
            ErrorCode.IDEMPOTENCY_CONFLICT,
            ErrorCode.INVALID_STATE,
            ErrorCode.QUEUE_FULL,
            ErrorCode.TOO_LARGE,
            ErrorCode.PROVIDER_FAILED,
            ErrorCode.PROVIDER_REFUSED,
            ErrorCode.PROVIDER_TIMEOUT,
            ErrorCode.DISK_FULL,
        ),
        own_statuses=(408, 415),
    ),
)
