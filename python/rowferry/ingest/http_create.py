"""The HTTP door of pulled exports: ``POST /v1/exports``.

The body is a ``CreateExportRequest`` in JSON, its names those of the contract; ``parameters`` may
stand there as an object instead of ``parameters_json``. Raw ASGI, so that a body is read no
further than its limit.
"""

from typing import Any, Final

import msgspec
import trio

from rowferry.domain.errors import ErrorCode, RowferryError, clip, invalid_metadata
from rowferry.ingest.pull_requests import PullRequests
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import (
    JSON_TYPE,
    NEVER_STORED,
    HttpStatusError,
    Receive,
    Scope,
    Send,
    encode_json,
    header,
    send_answer,
    send_error,
)
from rowferry.wire.asgi_routes import caller_of
from rowferry.wire.task_json import task_document

CREATE_PATH: Final = "/v1/exports"
MAX_BODY_BYTES: Final = 1 << 20
BODY_SECONDS: Final = 30.0
_ACCEPTED: Final = 202


class HttpCreateDoor:
    """An ASGI application for one address and one method."""

    def __init__(self, requests: PullRequests) -> None:
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request: 202 with the task, and where to ask for it."""
        client = caller_of(scope).client
        try:
            view = await self._requests.create(client, await _request(scope, receive))
        except RowferryError as error:
            await send_error(send, error)
            return
        location = f"{CREATE_PATH}/{view.task.id}"
        headers = [("location", location), ("cache-control", NEVER_STORED)]
        body = encode_json(task_document(view))
        await send_answer(send, _ACCEPTED, body, JSON_TYPE, headers)


async def _request(scope: Scope, receive: Receive) -> pb.CreateExportRequest:
    content_type = header(scope, b"content-type").partition(";")[0].strip().lower()
    if content_type != JSON_TYPE:
        message = "The body is JSON, and says so."
        context = {"field": "content-type", "expected": JSON_TYPE, "got": clip(content_type)}
        raise HttpStatusError(415, ErrorCode.INVALID_METADATA, message, context)
    request = _message(_document(await _body(receive)))
    key = header(scope, b"idempotency-key").strip()
    if key and request.metadata.request_id not in {"", key}:
        message = "Idempotency-Key and metadata.request_id are two different texts."
        raise invalid_metadata("request_id", message, expected=key)
    request.metadata.request_id = request.metadata.request_id or key
    return request


async def _body(receive: Receive) -> bytes:
    try:
        with trio.fail_after(BODY_SECONDS):
            return await _whole_body(receive)
    except trio.TooSlowError as error:
        late = f"The body did not come within {BODY_SECONDS:.0f} s."
        raise HttpStatusError(408, ErrorCode.STREAM_IDLE, late) from error


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise invalid_metadata("", "The request ended before its body did.")
        body += event.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            too_long = f"The body is longer than {MAX_BODY_BYTES} bytes."
            raise RowferryError(ErrorCode.TOO_LARGE, too_long, {"limit": MAX_BODY_BYTES})
        if not event.get("more_body", False):
            return bytes(body)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid_metadata("", f"The body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise invalid_metadata("", "The body is a JSON object.", expected="{…}")
    return document


def _message(document: dict[str, Any]) -> pb.CreateExportRequest:
    # imported with the first request: a service that gets none saves a megabyte
    from google.protobuf import json_format  # noqa: PLC0415

    if "parameters" in document:
        if "parameters_json" in document:
            message = "parameters and parameters_json are one and the same: send one."
            raise invalid_metadata("parameters", message)
        document["parameters_json"] = encode_json(document.pop("parameters")).decode()
    try:
        return json_format.ParseDict(document, pb.CreateExportRequest())
    except json_format.ParseError as error:
        reason = str(error).partition("\n")[0]
        raise invalid_metadata("", f"The body is no CreateExportRequest: {reason}") from None
