"""The WebSocket door: one connection is one stream of rows, from browsers and programs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import trio

from rowferry.domain.access import CALLER, Caller, Credentials, Door, bearer_token
from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata
from rowferry.ingest.row_calls import RowCalls
from rowferry.ingest.websocket_messages import AUTH, control_frame
from rowferry.ingest.websocket_rows import WebSocketRows
from rowferry.plain_nursery import open_plain_nursery
from rowferry.ports import Doorkeeper
from rowferry.wire.asgi import encode_json, error_document
from rowferry.wire.certificates import certificate_names
from rowferry.wire.error_status import client_error, close_code
from rowferry.wire.websocket_connection import ServedConnection
from rowferry.wire.websocket_handshake import TOKEN_SUBPROTOCOL
from rowferry.wire.websocket_server import Farewell

WEBSOCKET_PATH: Final = "/v1/ingest"
AUTH_SECONDS: Final = 10.0


class WebSocketDoor:
    """Serves connections: who calls is told by the handshake, or by the first frame."""

    def __init__(self, row_calls: RowCalls, doorkeeper: Doorkeeper) -> None:
        self._row_calls = row_calls
        self._doorkeeper = doorkeeper

    async def __call__(self, connection: ServedConnection) -> None:
        """Take a connection's rows in, and answer with the result."""
        caller, shown, first_frame = await self._admit(connection)
        connection.serve_connection(caller.client)
        CALLER.set(caller)
        connection.at_work = True
        # a client that counts strictly must be able to send the largest message there may be
        window_bytes = self._row_calls.limits.max_message_bytes
        stream = WebSocketRows(connection, first_frame, window_bytes=window_bytes)
        async with open_plain_nursery() as nursery:
            nursery.start_soon(stream.send_credit)
            await self._row_calls.serve(
                caller.client,
                stream,
                stream.send_result,
                recognise=partial(self._doorkeeper.recognise, Door.WEBSOCKET, shown),
                with_acks=True,
            )
            nursery.cancel_scope.cancel()

    async def _admit(
        self, connection: ServedConnection
    ) -> tuple[Caller, Credentials, dict[str, Any]]:
        """Let the caller in by what is shown, and give the first frame that is about rows."""
        shown = _credentials(connection)
        idle_seconds = self._row_calls.limits.idle_timeout_seconds
        caller = None
        if shown.token or (shown.certificate_names and self._recognises(shown)):
            caller = self._doorkeeper.admit(Door.WEBSOCKET, shown)
        frame = await _first_frame(connection, idle_seconds if caller else AUTH_SECONDS)
        if frame.get("type") != AUTH:
            return caller or self._doorkeeper.admit(Door.WEBSOCKET, shown), shown, frame
        token = frame.get("token")
        if not isinstance(token, str):
            raise invalid_metadata("token", "The token is a text.")
        told = replace(shown, token=token)
        caller = self._doorkeeper.admit(Door.WEBSOCKET, told)
        return caller, told, await _first_frame(connection, idle_seconds)

    def _recognises(self, shown: Credentials) -> bool:
        """Tell whether a certificate says who calls; of a gateway's the token is still to come."""
        try:
            self._doorkeeper.recognise(Door.WEBSOCKET, shown)
        except RowferryError:
            return False
        return True


def farewell(error: Exception, notes: Mapping[str, object]) -> Farewell:
    """Tell how a client hears of a failure: an ``error`` frame, and its code's close code."""
    known = client_error(error)
    if known.code is ErrorCode.SHUTTING_DOWN:
        known = RowferryError(known.code, known.message, {**notes, **known.context})
    document = {"type": "error", **error_document(known)}
    return Farewell(
        code=close_code(known.code),
        reason=known.message,
        text=encode_json(document).decode(),
        is_defect=known is not error and known.code is ErrorCode.INTERNAL,
    )


def _credentials(connection: ServedConnection) -> Credentials:
    """Give what the handshake shows: pages can't set header fields, but offer subprotocols."""
    token = bearer_token(connection.headers.get("authorization", ""))
    for offered in connection.offered_subprotocols:
        if not token and offered.startswith(TOKEN_SUBPROTOCOL):
            token = offered.removeprefix(TOKEN_SUBPROTOCOL)
    return Credentials(
        token=token,
        certificate_names=certificate_names(connection.peer.cert()),
        address=str(connection.peer),
    )


async def _first_frame(connection: ServedConnection, seconds: float) -> dict[str, Any]:
    connection.inbox.admission = _NoBatchYet()
    with trio.move_on_after(seconds):
        message = await connection.inbox.take()
        if isinstance(message, bytes):
            raise _batch_came_first()
        return control_frame(message)
    text = f"Nothing came for {seconds:g} seconds."
    raise RowferryError(ErrorCode.STREAM_IDLE, text, {"idle_timeout_seconds": seconds})


class _NoBatchYet:
    """Refuses batches before they are here: whose bytes they would count as is not known yet."""

    async def admit(self, size_bytes: int) -> None:  # noqa: ARG002  whatever its size
        """Refuse it."""
        raise _batch_came_first()

    async def admit_rest(self, size_bytes: int, arrived_bytes: Callable[[], int]) -> None:  # noqa: ARG002
        """Refuse it."""
        raise _batch_came_first()

    def note_progress(self) -> None:
        """Nothing is waited for that could make progress."""


def _batch_came_first() -> RowferryError:
    text = "The first message of a stream is metadata or resume."
    return invalid_metadata("", text, expected="metadata or resume", got="batch")
