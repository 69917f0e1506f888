"""The gRPC door: ``Export`` and ``Upload`` streams become rows in a task's log.

A stream that breaks never cancels its task: before the end of rows it can be resumed, after it
the task goes on alone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import trio

from rowferry.domain import events
from rowferry.domain.batch import Ack, AckRule
from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata
from rowferry.domain.task import state_error
from rowferry.domain.view import TaskView
from rowferry.export.byte_budget import ByteAccount, ByteBudget
from rowferry.export.intake import Admission, Intake
from rowferry.export.queries import ExportQueries
from rowferry.export.session import PushSession, stream_lost
from rowferry.ingest.ack_sender import AckSender
from rowferry.ports import Appended, BatchMessage, Observer
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages
from rowferry.wire.grpc_stream import CallStream
from rowferry.wire.request_codec import RawBatch

GROUP_BYTES: Final = 1 << 20  # batches that are here already go into the log in one thread hop
_Message: TypeAlias = RawBatch | pb.ExportRequest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Batches to append together, and what came behind them: a message, the end, a failure."""

    batches: list[BatchMessage]
    then: pb.ExportRequest | RowferryError | None
    ended: bool


class GrpcExportDoor:
    """Serves the two calls that bring rows."""

    def __init__(
        self,
        *,
        intake: Intake,
        queries: ExportQueries,
        budget: ByteBudget,
        observer: Observer,
        idle_timeout_seconds: float,
        max_message_bytes: int,
        group_bytes: int = GROUP_BYTES,
    ) -> None:
        self.intake: Final = intake
        self.queries: Final = queries
        self.budget: Final = budget
        self.observer: Final = observer
        self.idle_timeout_seconds: Final = idle_timeout_seconds
        self.max_message_bytes: Final = max_message_bytes
        self.group_bytes: Final = group_bytes

    async def export(self, client: str, stream: CallStream) -> None:
        """Serve ``Export``: task_created, acks, result."""

        async def send_result(view: TaskView) -> None:
            result = messages.result_message(view)
            await stream.send_message(pb.ExportResponse(result=result))

        await self._serve(client, stream, send_result, with_acks=True)

    async def upload(self, client: str, stream: CallStream) -> None:
        """Serve ``Upload``: nothing but the result."""

        async def send_result(view: TaskView) -> None:
            await stream.send_message(messages.result_message(view))

        await self._serve(client, stream, send_result, with_acks=False)

    async def _serve(
        self,
        client: str,
        stream: CallStream,
        send_result: Callable[[TaskView], Awaitable[None]],
        *,
        with_acks: bool,
    ) -> None:
        # first of all, or libcurl loses the status of a call that fails while it uploads
        await stream.send_initial_metadata()
        with self.budget.open_account() as account:
            stream.body_admission = account.acquire
            call = _RowsCall(self, client, stream, account, with_acks=with_acks)
            try:
                view = await call.run()
            except RowferryError as error:
                self._report(client, call, error)
                raise
        await send_result(view)

    def _report(self, client: str, call: "_RowsCall", error: RowferryError) -> None:
        self.observer.observe(
            events.ValidationError(
                client=client,
                error_code=error.code,
                message=error.message,
                task_id=call.task_id,
                request_id=call.request_id,
            )
        )


class _RowsCall:
    """One stream from its first message to the view that its result is made of."""

    def __init__(
        self,
        door: GrpcExportDoor,
        client: str,
        stream: CallStream,
        account: ByteAccount,
        *,
        with_acks: bool,
    ) -> None:
        self._door = door
        self._client = client
        self._stream = stream
        self._account = account
        self._with_acks = with_acks
        self._ack_every = 1
        self._wait_seconds = 0
        self.task_id = ""
        self.request_id = ""

    async def run(self) -> TaskView:
        admission = await self._admit(await self._receive())
        self._account.release()
        self.task_id = admission.task.id
        self.request_id = admission.task.request_id
        session = admission.session
        if session is None:
            await self._announce(admission, next_sequence=0)
            await self._drain()
        else:
            with session:
                await self._announce(admission, session.live.log.next_sequence)
                await self._take_rows(session)
        if self._wait_seconds < 0:
            return await self._door.queries.status(self._client, self.task_id)
        return await self._door.queries.wait(self._client, self.task_id, self._wait_seconds)

    async def _admit(self, first: _Message) -> Admission:
        kind = first.WhichOneof("payload") if isinstance(first, pb.ExportRequest) else None
        if isinstance(first, pb.ExportRequest) and kind == "metadata":
            spec = messages.spec_from_metadata(first.metadata)
            self.request_id = spec.request_id
            self._ack_every = spec.ack_every
            self._wait_seconds = spec.wait_seconds
            return await self._door.intake.open(self._client, spec)
        if isinstance(first, pb.ExportRequest) and kind == "resume":
            return await self._door.intake.resume(self._client, first.resume.task_id)
        message = "The first message of a stream is metadata or resume."
        got = "nothing" if first is None else kind or "batch"
        raise invalid_metadata("", message, expected="metadata or resume", got=got)

    async def _announce(self, admission: Admission, next_sequence: int) -> None:
        if self._with_acks:
            await self._stream.send_message(
                messages.created_message(
                    admission.task,
                    next_sequence=next_sequence,
                    max_message_bytes=self._door.max_message_bytes,
                )
            )

    async def _drain(self) -> None:
        """Read and drop what a client sends of rows that are here already."""
        while True:
            message = await self._receive()
            self._account.release()
            if message is None or _is_finish(message):
                return

    async def _take_rows(self, session: PushSession) -> None:
        """Append rows until they end or the task does; raise what ends the call otherwise.

        The session's scope is cancelled when the task has ended, or a newer connection has come.
        """
        rule = AckRule(self._ack_every, session.live.log.next_sequence - 1)
        acks = AckSender(rule, wait_writable=self._stream.wait_writable, send=self._send_ack)
        with _Reported(session):
            async with trio.open_nursery() as nursery:
                if self._with_acks:
                    nursery.start_soon(acks.run)
                with session.scope:
                    await self._append_all(session, acks)
                acks.close()
        if session.scope.cancelled_caught and not session.live.task.is_final:
            raise state_error(session.live.task, "A newer connection took the task over.")

    async def _append_all(self, session: PushSession, acks: AckSender) -> None:
        while True:
            if session.must_pause:
                acks.flush()
                await session.wait_for_room()
            group = await self._receive_group()
            if group.batches:
                appended = await session.append(group.batches)
                self._account.release()
                self._acknowledge(acks, appended)
            if isinstance(group.then, RowferryError):
                raise group.then
            if group.ended:
                await session.end(group.then.finish.expected_rows if group.then else 0)
                return

    def _acknowledge(self, acks: AckSender, appended: Appended) -> None:
        if appended.last_sequence:
            acks.appended(
                Ack(
                    batch_sequence=appended.last_sequence,
                    rows=appended.rows,
                    payload_bytes=appended.payload_bytes,
                )
            )
        if appended.refused is not None:
            raise appended.refused

    async def _receive_group(self) -> _Group:
        """Wait for one message, and take the batches with it that have arrived already."""
        batches: list[BatchMessage] = []
        size = 0
        while True:
            try:
                message = await self._receive()
                if not isinstance(message, RawBatch):
                    _check_end(message)
                    return _Group(batches=batches, then=message, ended=True)
            except RowferryError as error:
                return _Group(batches=batches, then=error, ended=False)
            batches.append((message.buffer, message.offset))
            size += len(message.buffer)
            if size >= self._door.group_bytes or not self._more_is_here():
                return _Group(batches=batches, then=None, ended=False)

    def _more_is_here(self) -> bool:
        return self._stream.buffered_message_ready() and self._account.can_hold_more()

    async def _receive(self) -> _Message:
        """Wait for a message, None at half-close; raise STREAM_IDLE after a long silence."""
        seconds = self._door.idle_timeout_seconds
        with trio.move_on_after(seconds):
            message: _Message = await self._stream.recv_message()
            return message
        message_text = f"Nothing came for {seconds:g} seconds."
        raise RowferryError(ErrorCode.STREAM_IDLE, message_text, {"idle_timeout_seconds": seconds})

    async def _send_ack(self, ack: Ack) -> None:
        await self._stream.send_message(messages.ack_message(ack))


class _Reported:
    """Notes on the session why a stream ended before its rows did."""

    def __init__(self, session: PushSession) -> None:
        self._session = session

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            self._session.broke(_stream_error(error))


def _stream_error(error: BaseException) -> RowferryError:
    """Find the refusal among what a nursery raised; anything else means the stream was lost."""
    if isinstance(error, BaseExceptionGroup):
        found = (_stream_error(inner) for inner in error.exceptions)
        return next((e for e in found if e.code is not ErrorCode.STREAM_LOST), stream_lost())
    return error if isinstance(error, RowferryError) else stream_lost()


def _is_finish(message: _Message) -> bool:
    return isinstance(message, pb.ExportRequest) and message.WhichOneof("payload") == "finish"


def _check_end(message: pb.ExportRequest | None) -> None:
    """Raise unless the message ends the rows: half-close or finish."""
    if message is not None and not _is_finish(message):
        got = message.WhichOneof("payload") or "an empty message"
        text = "After the first message a stream carries batches and one finish."
        raise invalid_metadata("", text, expected="batch or finish", got=got)
