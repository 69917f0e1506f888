"""One stream that brings rows: from its first message to the task that its result is made of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from rowferry.domain.batch import Ack, AckRule
from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata
from rowferry.domain.task import Task, state_error
from rowferry.domain.view import TaskView
from rowferry.export.byte_budget import MessageAccount
from rowferry.export.intake import Admission, Intake
from rowferry.export.queries import ExportQueries
from rowferry.export.session import PushSession, stream_lost
from rowferry.ingest.ack_sender import AckSender
from rowferry.ingest.message_receiver import MessageReceiver
from rowferry.ingest.row_stream import LAST_OF_BODY, RowMessage, RowStream
from rowferry.ports import Appended, BatchMessage
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages
from rowferry.wire.request_codec import RawBatch

GROUP_BATCHES: Final = 256  # taking them from a stream holds everything else up for some ms


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """What one stream may take: of time, and of memory."""

    idle_timeout_seconds: float
    max_message_bytes: int
    group_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Batches to append together, and what came behind them: more of them, an end, a failure."""

    batches: list[BatchMessage]
    then: RowMessage | RowferryError
    ended: bool


class RowCall:
    """Serves one stream; ``task_id`` and ``request_id`` are known once its task is."""

    def __init__(
        self,
        client: str,
        stream: RowStream,
        *,
        intake: Intake,
        queries: ExportQueries,
        account: MessageAccount,
        limits: CallLimits,
        with_acks: bool,
        wait_seconds: int | None = None,
    ) -> None:
        self._client = client
        self._stream = stream
        self._intake = intake
        self._queries = queries
        self._account = account
        self._messages = MessageReceiver(stream, account, limits.idle_timeout_seconds)
        self._limits = limits
        self._with_acks = with_acks
        self._ack_every = 1
        self._asked_wait_seconds = wait_seconds
        self._wait_seconds = 0
        self._given_up: RowferryError | None = None
        self.task_id = ""
        self.request_id = ""

    async def run(self) -> TaskView:
        """Take the rows in; give the task when it is time to answer."""
        admission = await self._admit(await self._messages.receive())
        self._account.release()
        self.task_id = admission.task.id
        self.request_id = admission.task.request_id
        if admission.session is None:
            await self._announce(admission.task, next_sequence=0)
            if not admission.task.is_final:
                await self._drain()
        else:
            with admission.session as session:
                task, next_sequence = await session.settled()
                await self._announce(task, 0 if task.rows_ended else next_sequence)
                await (self._drain() if task.rows_ended else self._take_rows(session))
        return await self._queries.wait(self._client, self.task_id, self._patience_seconds)

    @property
    def _patience_seconds(self) -> int:
        """How long to wait for the end of the task, as ``ExportMetadata.wait_seconds``."""
        if self._messages.more_may_come:
            return -1
        asked = self._asked_wait_seconds
        return self._wait_seconds if asked is None else asked

    async def deliver(self, send_result: Callable[[], Awaitable[None]]) -> None:
        """Answer; a client that reads nothing before it has written all may write on meanwhile."""
        if self._messages.body_over:
            await send_result()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read_on, nursery.cancel_scope)
            await send_result()
            nursery.cancel_scope.cancel()
        if self._given_up is not None:
            raise self._given_up

    async def _read_on(self, answering: trio.CancelScope) -> None:
        try:
            await self._drain()
        except RowferryError as error:
            self._given_up = error
            answering.cancel()

    async def _admit(self, first: RowMessage) -> Admission:
        kind = first.WhichOneof("payload") if isinstance(first, pb.ExportRequest) else None
        if isinstance(first, pb.ExportRequest) and kind == "metadata":
            spec = messages.spec_from_metadata(first.metadata)
            self.request_id = spec.request_id
            self._ack_every = spec.ack_every
            self._wait_seconds = spec.wait_seconds
            return await self._intake.open(self._client, spec)
        if isinstance(first, pb.ExportRequest) and kind == "resume":
            return await self._resume(first.resume.task_id)
        message = "The first message of a stream is metadata or resume."
        raise invalid_metadata("", message, expected="metadata or resume", got=_kind_of(first))

    async def _resume(self, task_id: str) -> Admission:
        admission = await self._intake.resume(self._client, task_id)
        if admission.session is not None:  # a resume has no wishes of its own
            spec = admission.session.live.spec
            self._ack_every, self._wait_seconds = spec.ack_every, spec.wait_seconds
        return admission

    async def _announce(self, task: Task, next_sequence: int) -> None:
        if self._with_acks:
            await self._stream.send_message(
                messages.created_message(
                    task,
                    next_sequence=next_sequence,
                    max_message_bytes=self._limits.max_message_bytes,
                )
            )

    async def _drain(self) -> None:
        """Read and drop what a client sends of rows that are here already."""
        while True:
            message = await self._messages.receive()
            self._account.release()
            if message is None or message is LAST_OF_BODY or _is_finish(message):
                return
            await trio.lowlevel.checkpoint()  # thousands may be here already

    async def _take_rows(self, session: PushSession) -> None:
        """Append rows until they end or the task does; raise what ends the call otherwise.

        The session's scope is cancelled when the task has ended, or a newer connection has come.
        """
        rule = AckRule(self._ack_every, session.live.log.next_sequence - 1)
        acks = AckSender(
            rule,
            sync=session.sync,
            wait_writable=self._stream.wait_writable,
            send=self._send_ack,
        )
        refused: RowferryError | None = None
        with _Reported(session):
            try:
                async with trio.open_nursery() as nursery:
                    if self._with_acks:
                        nursery.start_soon(acks.run)
                    with session.scope:
                        try:
                            await self._append_all(session, acks)
                        except RowferryError as error:
                            refused = error
                    if refused is not None or session.scope.cancelled_caught:
                        nursery.cancel_scope.cancel()  # the verdict waits for no ack to be read
                    acks.close()
            except* RowferryError as failed:  # a sync of the log
                refused = refused or _stream_error(failed)
            if refused is not None:
                raise refused
            if session.scope.cancelled_caught and not session.live.task.is_final:
                raise state_error(session.live.task, "A newer connection took the task over.")

    async def _append_all(self, session: PushSession, acks: AckSender) -> None:
        while True:
            if session.must_pause:
                acks.flush()
                await session.wait_for_room()
            group = await self._receive_group()
            if group.batches:
                try:
                    appended = await session.append(group.batches)
                finally:
                    group.batches.clear()  # a refusal holds this frame beyond the account's end
                self._acknowledge(acks, appended)
            self._account.release()
            if isinstance(group.then, RowferryError):
                raise group.then
            if group.ended:
                await self._end(session, group.then)
                return

    async def _end(self, session: PushSession, how: RowMessage) -> None:
        """End the rows, or this body of them: what is here is kept then."""
        if how is LAST_OF_BODY:
            await session.sync()
        else:
            expected = how.finish.expected_rows if isinstance(how, pb.ExportRequest) else 0
            await session.end(expected)

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
        while True:  # noqa: ASYNC913  what it takes without waiting is here, and bounded
            try:
                message = await self._messages.receive()
                if not isinstance(message, RawBatch):
                    _check_end(message)
                    return _Group(batches=batches, then=message, ended=True)
            except RowferryError as error:
                return _Group(batches=batches, then=error, ended=False)
            batches.append((message.buffer, message.offset))
            size += len(message.buffer)
            is_full = size >= self._limits.group_bytes or len(batches) >= GROUP_BATCHES
            if is_full or not self._messages.more_is_here():
                return _Group(batches=batches, then=None, ended=False)

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


def _kind_of(message: RowMessage) -> str:
    """Name a message's payload."""
    if isinstance(message, RawBatch):
        return "batch"
    if isinstance(message, pb.ExportRequest):
        return message.WhichOneof("payload") or "an empty message"
    return "nothing"


def _is_finish(message: RowMessage) -> bool:
    return isinstance(message, pb.ExportRequest) and _kind_of(message) == "finish"


def _check_end(message: RowMessage) -> None:
    """Raise unless the message ends the rows or the body: half-close or finish."""
    if isinstance(message, pb.ExportRequest) and not _is_finish(message):
        text = "After the first message a stream carries batches and one finish."
        raise invalid_metadata("", text, expected="batch or finish", got=_kind_of(message))
