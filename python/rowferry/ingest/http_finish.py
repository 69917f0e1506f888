"""The end of a pushed export's rows over HTTP: ``POST /v1/exports/{id}/finish``.

The body may be left out; it has ``expected_rows`` and ``wait_seconds``, as the contract has them,
but for an answer at once by default.
"""

from collections import deque
from functools import partial
from typing import Annotated

import msgspec
import trio

from rowferry.domain.errors import invalid_metadata
from rowferry.ingest.http_answers import ACCEPTED, OK, send_task
from rowferry.ingest.http_exchange import serve_exchange
from rowferry.ingest.http_fields import ANSWER_AT_ONCE, preferred_wait_seconds
from rowferry.ingest.http_uploads import HttpUploads
from rowferry.ingest.request_body import RequestBody
from rowferry.ingest.row_stream import RowMessage
from rowferry.ports import Observer
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import Receive, Scope, Send
from rowferry.wire.json_errors import JSON_ERRORS
from rowferry.wire.message_admission import MessageAdmission

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Seconds = Annotated[int, msgspec.Meta(ge=-1, le=2**31 - 1)]


class FinishOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body."""

    expected_rows: _Count = 0
    wait_seconds: _Seconds | None = None


class HttpFinishDoor:
    """An ASGI application for one address and one method."""

    def __init__(self, uploads: HttpUploads, observer: Observer) -> None:
        self._uploads = uploads
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request: 200 with a task that has ended, 202 with one that goes on."""
        await serve_exchange(receive, send, partial(self._finish, scope), self._observer)

    async def _finish(self, scope: Scope, body: RequestBody, send: Send) -> None:
        order = _order(await body.read_small())
        wait_seconds = order.wait_seconds
        if wait_seconds is None:
            wait_seconds = preferred_wait_seconds(scope, ANSWER_AT_ONCE)
        stream = _FinishStream(scope["path_params"]["task_id"], order.expected_rows)
        view = await self._uploads.run(scope, stream, wait_seconds)
        await send_task(send, OK if view.task.is_final else ACCEPTED, view)


class _FinishStream:
    """The stream of a client that has no more rows: a ``RowStream``."""

    def __init__(self, task_id: str, expected_rows: int) -> None:
        self.body_admission: MessageAdmission | None = None
        self.created: pb.TaskCreated | None = None
        self._messages = deque(
            [
                pb.ExportRequest(resume=pb.Resume(task_id=task_id)),
                pb.ExportRequest(finish=pb.Finish(expected_rows=expected_rows)),
            ]
        )

    async def over(self) -> None:
        """Return at once: there is no body to wait for."""
        await trio.lowlevel.checkpoint()

    async def recv_message(self) -> RowMessage:
        """Give the next message."""
        await trio.lowlevel.checkpoint()
        return self._messages.popleft() if self._messages else None

    def buffered_message_ready(self) -> bool:
        """Whether there are more messages."""
        return bool(self._messages)

    async def send_message(self, message: pb.ExportResponse) -> None:
        """Take note of the task."""
        await trio.lowlevel.checkpoint()
        if message.HasField("task_created"):
            self.created = message.task_created

    async def wait_writable(self) -> None:
        """Return at once: nothing is written before the answer."""
        await trio.lowlevel.checkpoint()


def _order(body: bytes) -> FinishOrder:
    try:
        return msgspec.json.decode(body, type=FinishOrder) if body else FinishOrder()
    except JSON_ERRORS as error:
        message = f"The body is no JSON object with expected_rows and wait_seconds: {error}."
        raise invalid_metadata("", message) from None
