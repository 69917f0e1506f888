"""Rows of a pushed export over HTTP: ``PUT`` brings some, ``HEAD`` tells where they go on.

A body is cut into batches that are numbered from ``seq``. The cuts depend on its bytes alone: a
body that is sent again with the same number is recognised batch by batch, and kept once.
"""

from functools import partial
from typing import Final

from rowferry.domain.errors import invalid_metadata
from rowferry.ingest.http_answers import (
    ACCEPTED,
    OK,
    failure_of,
    position_fields,
    send_task,
)
from rowferry.ingest.http_exchange import serve_exchange
from rowferry.ingest.http_fields import (
    ANSWER_AT_ONCE,
    count_field,
    preferred_wait_seconds,
    query_fields,
    truth_field,
)
from rowferry.ingest.http_media_types import BodyFormat, body_format
from rowferry.ingest.http_row_stream import BATCH_BYTES, HttpRowStream, Opening
from rowferry.ingest.http_uploads import HttpUploads
from rowferry.ingest.request_body import RequestBody
from rowferry.ingest.row_stream import LAST_OF_BODY
from rowferry.ports import BodyKind, Observer, RowBodies
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import (
    JSON_TYPE,
    NEVER_STORED,
    Receive,
    Scope,
    Send,
    send_answer,
)
from rowferry.wire.asgi_routes import caller_of

_PARAMETERS: Final = frozenset({"seq", "finish", "expected_rows"})


class HttpRowsDoor:
    """An ASGI application for the rows of one export."""

    def __init__(self, uploads: HttpUploads, bodies: RowBodies, observer: Observer) -> None:
        self._uploads = uploads
        self._bodies = bodies
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        handle = self._head if scope["method"] == "HEAD" else self._put
        await serve_exchange(receive, send, partial(handle, scope), self._observer)

    async def _put(self, scope: Scope, body: RequestBody, send: Send) -> None:
        client, task_id = caller_of(scope).client, scope["path_params"]["task_id"]
        fields = query_fields(scope, _PARAMETERS)
        is_last = truth_field(fields, "finish")
        finish = pb.Finish(expected_rows=count_field(fields, "expected_rows"))
        stream = HttpRowStream(
            self._uploads.codings.decoded(scope, body),
            partial(self._resume, client, task_id, body_format(scope), count_field(fields, "seq")),
            pb.ExportRequest(finish=finish) if is_last else LAST_OF_BODY,
            max_message_bytes=self._uploads.max_message_bytes,
        )
        wait_seconds = preferred_wait_seconds(scope, ANSWER_AT_ONCE)
        view = await self._uploads.run(scope, stream, wait_seconds)
        failure = failure_of(view)
        if failure is not None and not view.task.rows_ended:  # the body came to nothing
            raise failure
        is_under_way = is_last and not view.task.is_final
        await send_task(send, ACCEPTED if is_under_way else OK, view, position_fields(view))

    async def _resume(
        self, client: str, task_id: str, written: BodyFormat, first_sequence: int
    ) -> Opening:
        if written.kind is BodyKind.FRAMES and first_sequence:
            message = "Frames have the numbers of their batches in them."
            raise invalid_metadata("seq", message, expected="no seq", got=first_sequence)
        spec = await self._uploads.rows.request(client, task_id)
        open_rows = partial(
            self._bodies.open,
            spec,
            written.kind,
            first_sequence=first_sequence,
            batch_bytes=BATCH_BYTES,
        )
        first = pb.ExportRequest(resume=pb.Resume(task_id=task_id))
        return Opening(message=first, open_rows=open_rows, first_sequence=first_sequence)

    async def _head(self, scope: Scope, _: RequestBody, send: Send) -> None:
        task_id = scope["path_params"]["task_id"]
        view = await self._uploads.rows.settled(caller_of(scope).client, task_id)
        fields = [("cache-control", NEVER_STORED), *position_fields(view)]
        await send_answer(send, OK, b"", JSON_TYPE, fields)
