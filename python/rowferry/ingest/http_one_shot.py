"""An export in one HTTP request: ``POST /v1/export``, rows in, the file's link out."""

from functools import partial
from typing import Final

from rowferry.domain.errors import invalid_metadata
from rowferry.domain.task import TaskState
from rowferry.domain.view import TaskView
from rowferry.ingest.http_answers import (
    ACCEPTED,
    CREATED,
    failure_of,
    location,
    send_file,
    send_task,
)
from rowferry.ingest.http_exchange import serve_exchange
from rowferry.ingest.http_fields import ANSWER_AT_THE_END, preferred_wait_seconds
from rowferry.ingest.http_row_stream import BATCH_BYTES, HttpRowStream, Opening
from rowferry.ingest.http_uploads import HttpUploads
from rowferry.ingest.one_shot_request import OneShotRequest, columns_named, one_shot_request
from rowferry.ingest.request_body import RequestBody
from rowferry.ports import Observer, RowBodies
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages
from rowferry.wire.asgi import Receive, Scope, Send
from rowferry.wire.inflating_body import BodyBytes

ONE_SHOT_PATH: Final = "/v1/export"
MAX_HEADER_BYTES: Final = 1 << 20
_FIRST_SEQUENCE: Final = 1  # the same request again brings the same batches


class HttpOneShotDoor:
    """An ASGI application for one address and one method."""

    def __init__(self, uploads: HttpUploads, bodies: RowBodies, observer: Observer) -> None:
        self._uploads = uploads
        self._bodies = bodies
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        201 with the task and its link, or 303 to the file with ``download``; 202 if it took
        longer than ``Prefer: wait``; the status of its code if the export failed.
        """
        await serve_exchange(receive, send, partial(self._export, scope), self._observer)

    async def _export(self, scope: Scope, body: RequestBody, send: Send) -> None:
        request = one_shot_request(scope)
        metadata = request.metadata
        stream = HttpRowStream(
            (plain := self._uploads.codings.decoded(scope, body)),
            _OneShotOpening(plain, request, self._bodies).make,
            pb.ExportRequest(finish=pb.Finish(expected_rows=metadata.expected_rows)),
            max_message_bytes=self._uploads.max_message_bytes,
        )
        wait_seconds = preferred_wait_seconds(scope, ANSWER_AT_THE_END)
        view = await self._uploads.run(scope, stream, wait_seconds)
        await _answer(send, view, wants_file=request.wants_file)


class _OneShotOpening:
    """Makes the metadata of an export whose columns the body itself may name."""

    def __init__(self, body: BodyBytes, request: OneShotRequest, bodies: RowBodies) -> None:
        self._body = body
        self._request = request
        self._bodies = bodies
        self._head = bytearray()
        self._searched_bytes = 0
        self._has_new_line = False

    async def make(self) -> Opening:
        """Give the first message; may be cancelled and called again."""
        metadata = self._request.metadata
        if not self._request.metadata.columns:
            names = await self._header()
            metadata.columns.extend(columns_named(names, self._request.column_types))
        open_rows = partial(
            self._bodies.open,
            messages.spec_from_metadata(metadata),
            self._request.kind,
            first_sequence=_FIRST_SEQUENCE,
            batch_bytes=BATCH_BYTES,
        )
        return Opening(
            message=pb.ExportRequest(metadata=metadata),
            open_rows=open_rows,
            first_sequence=_FIRST_SEQUENCE,
            head=bytes(self._head),
        )

    async def _header(self) -> list[str]:
        """Read on until the first record is here; it stays part of the body."""
        while True:
            is_all = self._body.is_over
            taken = self._body.take()
            self._head += taken
            self._has_new_line |= b"\n" in taken
            names = self._names(is_all=is_all)
            if names is not None:
                return names
            if is_all:
                message = "The body is empty: its first record names the columns."
                raise invalid_metadata("header", message)
            if len(self._head) > MAX_HEADER_BYTES:
                message = f"The header has no end within {MAX_HEADER_BYTES} bytes."
                raise invalid_metadata("header", message)
            await self._body.grow()

    def _names(self, *, is_all: bool) -> list[str] | None:
        """Look for the end of the first record, where it pays.

        A search begins at the first byte: one for every byte would take a header's square.
        """
        head_bytes = len(self._head)
        grown = head_bytes - self._searched_bytes > self._searched_bytes // 16
        if not (is_all or (self._has_new_line and grown)):
            return None
        self._searched_bytes, self._has_new_line = head_bytes, False
        return self._bodies.csv_header(bytes(self._head) + (b"\n" if is_all else b""))


async def _answer(send: Send, view: TaskView, *, wants_file: bool) -> None:
    failure = failure_of(view)
    if failure is not None:
        raise failure
    if view.task.state is not TaskState.COMPLETED:
        await send_task(send, ACCEPTED, view, [location(view)])
    elif wants_file:
        await send_file(send, view)
    else:
        await send_task(send, CREATED, view, [location(view)])
