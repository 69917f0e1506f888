"""New exports over HTTP: ``POST /v1/exports``.

The body is JSON, its names those of the contract. With ``provider`` it is a
``CreateExportRequest``: a pulled export, whose ``parameters`` may stand there as an object instead
of ``parameters_json``. Without it, it is the metadata of a pushed export, or has it under
``metadata``; its rows are sent afterwards.
"""

from functools import partial
from typing import Any

from rowferry.domain.errors import invalid_metadata
from rowferry.ingest.http_answers import ACCEPTED, CREATED, OK, location, send_task
from rowferry.ingest.http_exchange import serve_exchange
from rowferry.ingest.http_fields import idempotency_key
from rowferry.ingest.http_json import check_json_type, json_object, parse_message
from rowferry.ingest.pull_requests import PullRequests
from rowferry.ingest.push_requests import PushRequests
from rowferry.ingest.request_body import RequestBody
from rowferry.ports import Observer
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import Receive, Scope, Send, encode_json
from rowferry.wire.asgi_routes import caller_of

_PROVIDER = "provider"
_METADATA = "metadata"


class HttpCreateDoor:
    """An ASGI application for one address and one method."""

    def __init__(self, pulls: PullRequests, pushes: PushRequests, observer: Observer) -> None:
        self._pulls = pulls
        self._pushes = pushes
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        202 with a pulled export's task; 201 with a pushed export's, 200 if it was there already.
        """
        await serve_exchange(receive, send, partial(self._create, scope), self._observer)

    async def _create(self, scope: Scope, body: RequestBody, send: Send) -> None:
        check_json_type(scope)
        document = json_object(await body.read_small())
        client, key = caller_of(scope).client, idempotency_key(scope)
        if _PROVIDER in document:
            pull = _pull_request(document)
            name_request(pull.metadata, key)
            view, status = await self._pulls.create(client, pull), ACCEPTED
        else:
            metadata = _push_request(document)
            name_request(metadata, key)
            view, is_new = await self._pushes.create(client, metadata)
            status = CREATED if is_new else OK
        await send_task(send, status, view, [location(view)])


def name_request(metadata: pb.ExportMetadata, key: str) -> None:
    """Take ``Idempotency-Key`` for the request's id; raise INVALID_METADATA if it has another."""
    if key and metadata.request_id not in {"", key}:
        message = "Idempotency-Key and metadata.request_id are two different texts."
        raise invalid_metadata("request_id", message, expected=key)
    metadata.request_id = metadata.request_id or key


def _pull_request(document: dict[str, Any]) -> pb.CreateExportRequest:
    if "parameters" in document:
        if "parameters_json" in document:
            message = "parameters and parameters_json are one and the same: send one."
            raise invalid_metadata("parameters", message)
        document["parameters_json"] = encode_json(document.pop("parameters")).decode()
    return parse_message(document, pb.CreateExportRequest())


def _push_request(document: dict[str, Any]) -> pb.ExportMetadata:
    if _METADATA not in document:
        return parse_message(document, pb.ExportMetadata())
    metadata = document.pop(_METADATA)
    if document:
        message = "Beside metadata, this is of pulled exports, which name their provider."
        raise invalid_metadata(min(document)[:40], message, expected=_PROVIDER)
    if not isinstance(metadata, dict):
        raise invalid_metadata(_METADATA, "metadata is a JSON object.", expected="{…}")
    return parse_message(metadata, pb.ExportMetadata())
