"""One HTTP request whose body is received beside its handling, and its answer in every case."""

from collections.abc import Awaitable, Callable

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.ingest.request_body import RequestBody
from rowferry.ports import Observer
from rowferry.wire.asgi import Message, Receive, Send, send_error

Handler = Callable[[RequestBody, Send], Awaitable[None]]


async def serve_exchange(
    receive: Receive, send: Send, handle: Handler, observer: Observer
) -> None:
    """Run ``handle``, which answers or is refused; it is cancelled when the client goes away.

    Only a body that breaks off ends it: a client that went away after its body had ended may not
    hear the answer, but what it asked for is done.
    """
    body = RequestBody(receive)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(body.run, nursery.cancel_scope.cancel)
        try:
            await handle(body, send)
        except RowferryError as refusal:
            await _refuse(body, send, refusal)
        except Exception as error:  # noqa: BLE001  a defect is told of, without its details
            observer.observe(events.SystemError(error=error, where="rows over HTTP"))
            failure = RowferryError(ErrorCode.INTERNAL, "The service failed to answer.")
            await _refuse(body, send, failure)
        nursery.cancel_scope.cancel()


async def _refuse(body: RequestBody, send: Send, error: RowferryError) -> None:
    """Answer; while the body still comes, this is the connection's last answer (RFC 9112 §9.6)."""

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"].append((b"connection", b"close"))
        await send(message)

    await send_error(send if body.is_over else send_last, error)
