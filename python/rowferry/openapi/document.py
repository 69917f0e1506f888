"""The OpenAPI 3.1 document, made from operations, schemas and the catalogue of errors.

https://spec.openapis.org/oas/v3.1.1
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from rowferry.domain.error_catalogue import CATALOGUE
from rowferry.domain.errors import ErrorCode
from rowferry.openapi.address import DOCUMENT_PATH
from rowferry.openapi.create_operations import CREATE_OPERATIONS, create_schemas
from rowferry.openapi.ingest_operations import INGEST_OPERATIONS, ingest_schemas
from rowferry.openapi.operation import Answer, Body, Operation, Parameter
from rowferry.openapi.task_operations import TASK_OPERATIONS, task_schemas
from rowferry.wire.asgi import JSON_TYPE, encode_json
from rowferry.wire.error_status import http_status

_ANY_REQUEST: Final = (
    ErrorCode.INVALID_METADATA,
    ErrorCode.INTERNAL,
    ErrorCode.DATABASE_UNAVAILABLE,
    ErrorCode.SHUTTING_DOWN,
)
_ADMITTED: Final = (ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.RATE_LIMITED)
_DOCUMENT: Final = Operation(
    method="GET",
    path=DOCUMENT_PATH,
    name="describe",
    summary="Read this document",
    description="What the HTTP port takes and gives, as OpenAPI 3.1.",
    answers={
        200: Answer(
            description="The document.", body=Body(content={JSON_TYPE: {"type": "object"}})
        )
    },
    is_public=True,
)
OPERATIONS: Final = (*CREATE_OPERATIONS, *INGEST_OPERATIONS, *TASK_OPERATIONS, _DOCUMENT)

_DESCRIPTION: Final = """\
Exports of rows into CSV and XLSX files behind links. A task's fields are those of the gRPC
contract's `TaskStatus`: integers are numbers, enums their names, times RFC 3339 in UTC.

Every refusal is `{"error": {"code", "message", "context"}}`: programs go by the code.
Every address answers OPTIONS; methods that it does not take are 405 with `Allow`.
"""


@cache
def encoded_document() -> bytes:
    """Give the document as it is sent."""
    return encode_json(openapi_document())


def openapi_document() -> dict[str, Any]:
    """Make the document."""
    paths: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for operation in OPERATIONS:
        paths[operation.path][operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rowferry",
            "version": version("rowferry"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {}],
        "paths": dict(paths),
        "components": {
            "schemas": {
                **task_schemas(),
                **create_schemas(),
                **ingest_schemas(),
                "Error": _error_schema(),
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Asked for where `security.clients` are configured.",
                }
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "responses": _responses(operation),
    }
    if operation.parameters:
        described["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body is not None:
        body = operation.body
        described["requestBody"] = {"required": body.required, "content": _content(body)}
    if operation.is_public:
        described["security"] = []
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _content(body: Body) -> dict[str, Any]:
    content: dict[str, Any] = {kind: {"schema": schema} for kind, schema in body.content.items()}
    for kind, example in body.examples.items():
        content[kind]["example"] = example
    return content


def _responses(operation: Operation) -> dict[str, Any]:
    answers = {str(status): _answer(answer) for status, answer in operation.answers.items()}
    return answers | _refusals(operation)


def _answer(answer: Answer) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.body is not None:
        described["content"] = _content(answer.body)
    if answer.headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    if answer.links:
        described["links"] = {
            name: {"operationId": name, "parameters": {"task_id": "$response.body#/task_id"}}
            for name in answer.links
        }
    return described


def _refusals(operation: Operation) -> dict[str, Any]:
    """Give a response a status: several codes may share one."""
    codes = (*_ANY_REQUEST, *operation.errors, *(() if operation.is_public else _ADMITTED))
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[http_status(code)].append(f"`{code}`: {CATALOGUE[code].meaning}.")
    for status in operation.own_statuses:
        by_status[status].append(f"{HTTPStatus(status).phrase}.")
    return {str(status): _refusal(by_status[status]) for status in sorted(by_status)}


def _refusal(sentences: Iterable[str]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": " ".join(sentences), "content": {JSON_TYPE: {"schema": schema}}}


def _error_schema() -> Mapping[str, Any]:
    code = {"type": "string", "enum": list(ErrorCode)}
    context = {"type": "object", "additionalProperties": {"type": "string"}}
    error = {
        "type": "object",
        "properties": {"code": code, "message": {"type": "string"}, "context": context},
        "required": ["code", "message", "context"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"error": error},
        "required": ["error"],
        "additionalProperties": False,
    }
