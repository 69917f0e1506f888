"""One stream after another: what is kept, what is answered, what is refused."""

import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from weakref import ref

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain.access import Caller
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import StreamError, ValidationError
from rowferry.domain.task import TaskState
from rowferry.export.byte_budget import PATIENCE_SECONDS
from rowferry.export.live_task import LiveTask
from rowferry.ingest.grpc_export import GrpcExportDoor
from rowferry.ingest.standing_admission import RECHECK_SECONDS
from rowferry.spool.core_log import CoreLog
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.grpc_failure import MalformedRequestError, MessageTooLargeError
from tests.unit.export.in_memory import CLIENT, EventNotes, Site
from tests.unit.ingest.memory_stream import STALL, MemoryStream

MakeSite = Callable[..., Site]
IDLE_SECONDS = 300
ROW = ("1", "a")


class Door:
    """Serves streams and keeps how their calls ended."""

    def __init__(self, site: Site, nursery: trio.Nursery) -> None:
        self._site = site
        self._nursery = nursery
        self.refusals: list[RowferryError] = []
        self.client = CLIENT
        self.keeps_out: RowferryError | None = None

    def open(self, *, upload: bool = False) -> MemoryStream:
        stream = MemoryStream()
        self._nursery.start_soon(self._serve, stream, upload)
        return stream

    def _recognise(self) -> Caller:
        if self.keeps_out is not None:
            raise self.keeps_out
        return Caller(client=self.client)

    async def _serve(self, stream: MemoryStream, upload: bool) -> None:  # noqa: FBT001
        door = GrpcExportDoor(self._site.exports.row_calls)
        serve = door.upload if upload else door.export
        try:
            await serve(CLIENT, stream.as_call(), self._recognise)
        except RowferryError as error:
            self.refusals.append(error)


@pytest.fixture
async def door(site: Site, nursery: trio.Nursery) -> Door:
    return Door(site, nursery)


def _only_task(site: Site) -> LiveTask:
    (live,) = site.live_tasks
    return live


# Answers.


async def test_stream_gets_its_task_its_acks_and_its_result(site: Site, door: Door) -> None:
    stream = door.open()
    stream.put_metadata()
    async with site.running():
        stream.put_rows(ROW, ROW)
        await site.settled()
        stream.put_rows(ROW)
        stream.half_close()
        await _only_task(site).ended.wait()
        await site.settled()
    (created,) = stream.responses("task_created")
    assert (created.next_sequence, created.max_message_bytes) == (1, 16 << 20)
    assert [ack.rows for ack in stream.responses("ack")] == [2, 3]
    (result,) = stream.responses("result")
    assert (result.status, result.record_count) == (pb.COMPLETED, 3)
    assert result.oss_url
    assert stream.sent[-1].HasField("result")


async def test_headers_go_out_before_a_refusal(site: Site, door: Door) -> None:
    stream = door.open()
    stream.put_metadata(filename="")
    await site.settled()
    assert stream.headers_sent
    assert stream.sent == []
    assert [error.code for error in door.refusals] == [ErrorCode.INVALID_METADATA]


async def test_upload_is_answered_with_the_result_alone(site: Site, door: Door) -> None:
    stream = door.open(upload=True)
    stream.put_metadata()
    stream.put_rows(ROW)
    stream.finish(1)
    async with site.running():
        await site.settled()
    (result,) = stream.sent
    assert (result.status, result.record_count) == (pb.COMPLETED, 1)


async def test_request_repeated_while_its_task_runs_drops_its_batches_and_waits(
    site: Site, door: Door
) -> None:
    first = door.open()
    first.put_metadata(wait_seconds=-1)
    first.put_rows(ROW)
    first.half_close()
    await site.settled()
    assert first.responses("result")[0].status == pb.QUEUED
    again = door.open()
    again.put_metadata()
    for _ in range(5):
        again.put_rows(ROW)
    await site.settled()
    assert again.unread == 0
    assert again.responses("task_created")[0].next_sequence == 0
    again.half_close()
    async with site.running():
        await _only_task(site).ended.wait()
        await site.settled()
    assert again.responses("ack") == []
    assert again.responses("result")[0].record_count == 1


async def test_request_of_a_completed_task_is_answered_before_its_rows_are_read(
    site: Site, door: Door
) -> None:
    first = door.open()
    first.put_metadata()
    first.half_close()
    async with site.running():
        await site.settled()
    again = door.open()
    again.put_metadata()
    await site.settled()
    assert again.responses("result")[0].status == pb.COMPLETED


async def test_resumed_stream_is_served_as_its_request_asked(
    site: Site, door: Door, mock_clock: MockClock
) -> None:
    first = door.open()
    first.put_metadata(ack_every=3, wait_seconds=-1)
    await site.settled()
    (created,) = first.responses("task_created")
    resumed = door.open()
    resumed.put_resume(created.task_id)
    for number in range(1, 4):
        await site.settled()
        assert resumed.responses("ack") == []
        resumed.put_rows(ROW, sequence=number)
    await site.settled()
    assert [ack.batch_sequence for ack in resumed.responses("ack")] == [3]
    resumed.half_close()
    await site.settled()
    assert resumed.responses("result")[0].status == pb.QUEUED
    assert mock_clock.current_time() == 0


# Refusals.


async def test_refused_batch_ends_the_call_and_keeps_those_before_it(
    site: Site, door: Door, events: EventNotes
) -> None:
    stream = door.open()
    stream.put_metadata()
    stream.put_rows(ROW, sequence=1)
    stream.put_rows(("too", "wide", "a row"), sequence=2)
    stream.put_rows(ROW, sequence=3)
    await site.settled()
    assert [error.code for error in door.refusals] == [ErrorCode.INVALID_ROW]
    live = _only_task(site)
    assert (live.rows_received, live.log.next_sequence) == (1, 2)
    assert repr(live.stream_failure) == repr(door.refusals[0])
    (reported,) = events.of(ValidationError)
    assert (reported.error_code, reported.task_id) == ("INVALID_ROW", live.task.id)
    assert (reported.client, reported.request_id) == (CLIENT, "request")
    assert [event.error_code for event in events.of(StreamError)] == ["INVALID_ROW"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (MessageTooLargeError(65_536), ErrorCode.TOO_LARGE),
        (MalformedRequestError("the request ended inside a message"), ErrorCode.INVALID_ROW),
    ],
)
async def test_failure_of_the_transport_is_the_failure_of_the_stream(
    site: Site, door: Door, failure: Exception, code: ErrorCode
) -> None:
    stream = door.open()
    stream.put_metadata()
    stream.put_rows(ROW)
    stream.put(failure)
    await site.settled()
    assert [error.code for error in door.refusals] == [code]
    live = _only_task(site)
    assert live.rows_received == 1
    assert live.stream_failure is not None
    assert live.stream_failure.code is code


async def test_refusal_does_not_wait_for_a_client_that_reads_nothing(
    site: Site, door: Door
) -> None:
    stream = door.open()
    stream.put_metadata()
    await site.settled()
    stream.stop_reading()
    stream.put_rows(ROW)
    stream.put_rows(("too", "wide", "a row"))
    await site.settled()
    assert [error.code for error in door.refusals] == [ErrorCode.INVALID_ROW]


async def test_sync_that_fails_ends_the_call_and_acknowledges_nothing(
    site: Site, door: Door, events: EventNotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = RowferryError(ErrorCode.WRITE_FAILED, "The disk is gone.")

    def fail(_: object) -> None:
        raise failure

    monkeypatch.setattr(CoreLog, "unsynced", property(lambda log: log.rows > 0))
    monkeypatch.setattr(CoreLog, "sync", fail)
    stream = door.open()
    stream.put_metadata()
    stream.put_rows(ROW, sequence=1)
    await site.settled()
    assert door.refusals == [failure]
    assert stream.responses("ack") == []
    assert repr(_only_task(site).stream_failure) == repr(failure)
    (reported,) = events.of(ValidationError)
    assert reported.error_code == "WRITE_FAILED"


# Silence.


async def test_silence_ends_the_call_as_idle(
    site: Site, door: Door, mock_clock: MockClock
) -> None:
    stream = door.open()
    stream.put_metadata()
    await site.settled()
    mock_clock.jump(IDLE_SECONDS - 1)
    stream.put_rows(ROW)
    await site.settled()
    mock_clock.jump(IDLE_SECONDS - 1)
    await site.settled()
    assert door.refusals == []
    mock_clock.jump(1)
    await site.settled()
    assert [error.code for error in door.refusals] == [ErrorCode.STREAM_IDLE]
    live = _only_task(site)
    assert repr(live.stream_failure) == repr(door.refusals[0])


async def _begun_together(
    make_site: MakeSite, nursery: trio.Nursery, number: int
) -> tuple[Site, Door, list[MemoryStream]]:
    """Begin exports that share 2 MiB, of which 1 MiB is for messages that are still to come."""
    site = make_site(
        server={"max_inflight_bytes": 2 << 20}, concurrency={"max_concurrent_tasks": number}
    )
    door = Door(site, nursery)
    streams = [door.open() for _ in range(number)]
    for index, stream in enumerate(streams):
        stream.put_metadata(request_id=f"r{index}")
    await site.settled()
    return site, door, streams


async def test_messages_that_stall_hold_up_nobody(
    make_site: MakeSite, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    site, door, streams = await _begun_together(make_site, nursery, 9)
    *stalled, honest = streams
    for stream in stalled:
        stream.put(STALL, 1 << 20)
    await site.settled()
    honest.put_rows(ROW)
    await site.settled()
    assert len(honest.responses("ack")) == 1
    assert (door.refusals, mock_clock.current_time()) == ([], 0)


async def test_what_was_lent_to_a_message_that_stalls_is_lent_to_the_next(
    make_site: MakeSite, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    site, door, streams = await _begun_together(make_site, nursery, 2)
    for stream in streams:
        stream.put(STALL, 1 << 20)
        await site.settled()
    mock_clock.jump(PATIENCE_SECONDS)
    await site.settled()
    (refusal,) = door.refusals
    assert refusal.code is ErrorCode.STREAM_IDLE
    assert "others waited" in refusal.message
    mock_clock.jump(IDLE_SECONDS - 1)  # nobody else waits: it may stall for as long as any stream
    await site.settled()
    assert len(door.refusals) == 1


async def test_stream_gives_its_memory_back_with_every_group(
    make_site: MakeSite, nursery: trio.Nursery
) -> None:
    site = make_site(
        server={"max_inflight_bytes": 2 << 20},
        concurrency={"max_concurrent_tasks": 20, "task_queue_size": 20},
    )
    door = Door(site, nursery)
    streams = [door.open() for _ in range(20)]
    for number, stream in enumerate(streams):
        stream.put_metadata(request_id=f"r{number}")
        for _ in range(10):
            stream.put_rows(ROW, size_bytes=300_000)
        stream.finish(10)
    async with site.running():
        await site.settled()
    assert door.refusals == []
    assert {stream.responses("result")[0].record_count for stream in streams} == {10}


# Lag.


async def test_pausing_door_acknowledges_what_it_has(
    site: Site, door: Door, mock_clock: MockClock
) -> None:
    site.writers.gate.close()
    stream = door.open()
    stream.put_metadata(ack_every=1000)
    async with site.running():
        stream.put_rows(ROW)
        await site.writers.gate.reached()
        stream.put_rows(("2", "x" * 1_100_000))
        stream.put_rows(ROW)
        while not stream.responses("ack"):
            await wait_all_tasks_blocked()
        (ack,) = stream.responses("ack")
        paused_with = stream.unread
        site.writers.gate.open()
        await site.settled()
        assert stream.unread == 0
    assert (ack.rows + paused_with, mock_clock.current_time()) == (3, 0)


# Callers who may not pass any more.


async def test_call_ends_once_its_caller_would_be_kept_out(
    site: Site, door: Door, mock_clock: MockClock
) -> None:
    stream = door.open()
    stream.put_metadata()
    stream.put_rows(ROW)
    await site.settled()
    mock_clock.jump(RECHECK_SECONDS)
    await site.settled()
    assert door.refusals == []
    door.keeps_out = RowferryError(ErrorCode.UNAUTHENTICATED, "The token was revoked.")
    mock_clock.jump(RECHECK_SECONDS)
    await site.settled()
    assert door.refusals == [door.keeps_out]
    door.keeps_out = None  # it has a new token
    again = door.open()
    again.put_resume(_only_task(site).task.id)
    await site.settled()
    (created,) = again.responses("task_created")
    assert (created.next_sequence, created.rows_received) == (2, 1)


async def test_call_ends_once_its_token_is_of_another_client(
    site: Site, door: Door, mock_clock: MockClock
) -> None:
    stream = door.open()
    stream.put_metadata()
    await site.settled()
    door.client = "another"
    mock_clock.jump(RECHECK_SECONDS)
    await site.settled()
    assert [error.code for error in door.refusals] == [ErrorCode.UNAUTHENTICATED]


async def test_wait_for_the_file_ends_with_the_admission_and_the_task_goes_on(
    site: Site, door: Door, mock_clock: MockClock
) -> None:
    site.writers.gate.close()
    stream = door.open()
    stream.put_metadata()
    stream.put_rows(ROW)
    stream.finish(1)
    async with site.running():
        await site.writers.gate.reached()
        live = _only_task(site)
        await live.changed.wait_for(lambda: live.rows_ended)  # rows are written before their end
        door.keeps_out = RowferryError(ErrorCode.FORBIDDEN, "The client may not enter.")
        mock_clock.jump(RECHECK_SECONDS)
        while not door.refusals:
            await wait_all_tasks_blocked()
        site.writers.gate.open()
        await site.settled()
    assert (live.task.state, live.task.rows_written) == (TaskState.COMPLETED, 1)


# Final failures, and clients that read nothing before they have written all.


async def _begun(site: Site, stream: MemoryStream) -> LiveTask:
    stream.put_metadata()
    await site.settled()
    return _only_task(site)


async def _fail_in_the_middle(site: Site, stream: MemoryStream, live: LiveTask) -> None:
    """Let a stream's task fail for good while its rows still come."""
    site.writers.failure = RowferryError(ErrorCode.INVALID_ROW, "No.")
    stream.put_rows(ROW)
    await live.ended.wait()


async def test_final_failure_is_answered_at_once(site: Site, door: Door) -> None:
    stream = door.open()
    async with site.running():
        live = await _begun(site, stream)
        await _fail_in_the_middle(site, stream, live)
        await site.settled()
    assert live.task.state is TaskState.FAILED
    (result,) = stream.responses("result")
    assert (result.status, result.error_code) == (pb.FAILED, "INVALID_ROW")


async def test_client_that_only_writes_may_write_on_behind_a_failure(
    site: Site, door: Door
) -> None:
    stream = door.open()
    async with site.running():
        live = await _begun(site, stream)
        stream.stop_reading()
        await _fail_in_the_middle(site, stream, live)
        for _ in range(50):
            stream.put_rows(ROW)
        await site.settled()
        assert stream.unread == 0
        stream.half_close()
        stream.read_on()
        await site.settled()
    assert stream.responses("result")[0].status == pb.FAILED


async def test_client_that_neither_reads_nor_writes_is_given_up(
    site: Site, door: Door, mock_clock: MockClock
) -> None:
    stream = door.open()
    async with site.running():
        live = await _begun(site, stream)
        stream.stop_reading()
        await _fail_in_the_middle(site, stream, live)
        await site.settled()
        mock_clock.jump(IDLE_SECONDS)
        await site.settled()
    assert [error.code for error in door.refusals] == [ErrorCode.STREAM_IDLE]


# What a call that was refused leaves.


class _Buffer:
    """Stands for the bytes of a message."""


class _BrokenStream(MemoryStream):
    """Sends what was put, and then a message that is refused while its bytes are held."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self.buffer: ref[_Buffer] | None = None

    async def recv_message(self) -> object:
        if self.left:
            self.left -= 1
            return await super().recv_message()
        held = _Buffer()
        self.buffer = ref(held)
        raise MalformedRequestError("the message can't be parsed")


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize("messages", [0, 1, 2])
async def test_message_that_is_refused_is_let_go_at_once(site: Site, messages: int) -> None:
    """Garbage that is collected some time would be memory that no budget bounds."""
    stream = _BrokenStream()
    stream.put_metadata()
    stream.put_rows(ROW)
    stream.left = messages
    door = GrpcExportDoor(site.exports.row_calls)
    with suppress(RowferryError):  # pytest.raises would keep it
        await door.export(CLIENT, stream.as_call(), lambda: Caller(client=CLIENT))
    assert stream.buffer is not None
    assert stream.buffer() is None
