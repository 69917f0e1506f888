"""``GET /openapi.json``: the document, for everybody."""

from typing import Final

from rowferry.wire.asgi import JSON_TYPE, Receive, Scope, Send, send_answer

DOCUMENT_PATH: Final = "/openapi.json"


async def serve_openapi(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Serve the document: an ASGI application for one address."""
    # imported with the first request: a service that nobody asks keeps some memory
    from rowferry.openapi.document import encoded_document  # noqa: PLC0415

    body = encoded_document()
    await send_answer(send, 200, body, JSON_TYPE, [("cache-control", "no-cache")])
