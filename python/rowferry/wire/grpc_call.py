"""Handling one call, from its request headers to its trailers."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import trio
from grpclib.const import Handler, Status
from grpclib.encoding.base import CodecBase
from grpclib.events import _DispatchServerEvents
from grpclib.exceptions import StreamTerminatedError
from grpclib.metadata import _Metadata, encode_grpc_message

from rowferry.wire.grpc_failure import (
    CallFailure,
    DeadlineExceededError,
    ServerStoppingError,
    Translate,
    is_unexpected,
    leaves,
    single_failure,
)
from rowferry.wire.grpc_request import CallRequest, RequestRefusedError, read_request
from rowferry.wire.grpc_stream import CallStream, response_headers
from rowferry.wire.h2_stream import EndedBy, Headers, RequestStream
from rowferry.wire.lean_structlog import structlog

log = structlog.get_logger(__name__)

FINISH_SECONDS: Final = 1.0
"""For listeners of the trailers event; sending trailers itself never waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswerer:
    """Answers requests with the methods of a server's services."""

    methods: Mapping[str, Handler]
    codec: CodecBase
    dispatch: _DispatchServerEvents
    translate: Translate
    max_message_bytes: int

    async def __call__(self, stream: RequestStream, headers: Headers) -> None:
        """Handle one call; whatever its handler raises ends in a status."""
        subtype = self.codec.__content_subtype__
        try:
            request = read_request(headers, self.methods, content_subtype=subtype)
        except RequestRefusedError as refusal:
            await _refuse(stream, refusal, f"application/grpc+{subtype}")
            return
        call = CallStream(
            stream,
            request,
            codec=self.codec,
            dispatch=self.dispatch,
            max_message_bytes=self.max_message_bytes,
        )
        failure = await self._run_handler(call, request, stream)
        with trio.move_on_after(FINISH_SECONDS, shield=True):
            # The peer may leave between the check and the trailers.
            with suppress(StreamTerminatedError):
                await call.finish(failure)

    async def _run_handler(
        self, call: CallStream, request: CallRequest, stream: RequestStream
    ) -> CallFailure | None:
        if request.timeout_seconds is not None:
            stream.scope.deadline = trio.current_time() + request.timeout_seconds
        try:
            with stream.scope:
                await self._call_handler(call, request)
        except Exception as error:  # noqa: BLE001  a handler may raise anything
            return self._failure(error, request, stream)
        if stream.scope.cancelled_caught:
            return self._cancellation(stream)
        if call.reply_is_missing():
            log.error("GrpcReplyMissing", method=request.path)
            return CallFailure(status=Status.INTERNAL, message="internal error")
        return None

    async def _call_handler(self, call: CallStream, request: CallRequest) -> None:
        call.metadata, handle = await self.dispatch.recv_request(
            _Metadata(request.metadata),
            request.method.func,
            method_name=request.path,
            deadline=call.deadline,
            content_type=request.content_type,
            user_agent=request.user_agent,
            peer=call.peer,
        )
        await handle(call)

    def _cancellation(self, stream: RequestStream) -> CallFailure | None:
        if stream.ended_by is EndedBy.PEER:
            return None
        stopping = stream.ended_by is EndedBy.SERVER
        return self.translate(ServerStoppingError() if stopping else DeadlineExceededError())

    def _failure(
        self, error: Exception, request: CallRequest, stream: RequestStream
    ) -> CallFailure | None:
        if isinstance(error, StreamTerminatedError) and not stream.closable:
            return None
        failures = [(leaf, self.translate(leaf)) for leaf in leaves(error)]
        for leaf, failure in failures:
            if is_unexpected(leaf, failure):
                log.error("GrpcCallFailed", method=request.path, exc_info=leaf)
        return single_failure(failure for _, failure in failures)


async def _refuse(stream: RequestStream, refusal: RequestRefusedError, content_type: str) -> None:
    """Answer a request that no handler sees."""
    headers = response_headers(content_type)
    headers[0] = (":status", str(refusal.http_status.value))
    status = [
        ("grpc-status", str(refusal.status.value)),
        ("grpc-message", encode_grpc_message(refusal.message)),
    ]
    try:
        if refusal.http_status is HTTPStatus.OK:
            await stream.send_headers(headers)
            await stream.send_headers(status, end_stream=True)
        else:
            await stream.send_headers([*headers, *status], end_stream=True)
    except StreamTerminatedError:
        pass  # the peer left before it could be told
