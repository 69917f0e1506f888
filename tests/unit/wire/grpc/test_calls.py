"""One call: what its handler receives, sends, and how it ends."""

import base64
import contextlib
from typing import TYPE_CHECKING

import pytest
import trio
from grpclib.const import Cardinality, Status
from grpclib.events import RecvRequest, listen
from grpclib.exceptions import GRPCError, ProtocolError
from h2.errors import ErrorCodes
from h2.events import ResponseReceived
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from rowferry.wire.grpc_failure import CallFailure, ServerStoppingError
from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.grpc_stream import CallStream

if TYPE_CHECKING:
    from tests.unit.wire.grpc.conftest import Connect


def prefixed(*messages: bytes) -> bytes:
    return b"".join(b"\0" + len(message).to_bytes(4, "big") + message for message in messages)


async def echo(stream: CallStream) -> None:
    async for message in stream:
        await stream.send_message(message)


async def test_messages_come_back_in_order(connect: "Connect") -> None:
    _, client = await connect(echo)
    reply = await client.reply(await client.call(prefixed(b"one", b"", b"three")))
    assert reply.messages == [b"one", b"", b"three"]
    assert reply.status == 0
    assert reply.headers["content-type"] == "application/grpc+proto"
    assert reply.headers["grpc-accept-encoding"] == "identity,gzip,deflate"


async def test_a_handler_sees_metadata_peer_and_deadline(connect: "Connect") -> None:
    seen: dict[str, object] = {}

    async def handler(stream: CallStream) -> None:
        assert stream.metadata is not None
        assert stream.deadline is not None
        seen.update(
            text=stream.metadata["x-text"],
            binary=stream.metadata.getall("x-bin"),
            others=[key for key in stream.metadata if not key.startswith("x-")],
            peer=stream.peer_address,
            agent=stream.user_agent,
            soon=stream.deadline.time_remaining() <= 5,
        )

    _, client = await connect(handler)
    stream_id = await client.call(
        b"",
        headers={"x-text": "a b", "x-bin": "AAE=,Ag", "grpc-timeout": "5S", "user-agent": "me"},
    )
    await client.reply(stream_id)
    assert seen == {
        "text": "a b",
        "binary": [b"\0\1", b"\2"],
        "others": [],
        "peer": "local",
        "agent": "me",
        "soon": True,
    }


async def test_metadata_is_sent_before_and_after_the_messages(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        metadata: dict[str, str | bytes] = {"first": "1", "blob-bin": b"\0"}
        await stream.send_initial_metadata(metadata=metadata)
        await stream.send_message(b"m")
        await stream.send_trailing_metadata(metadata={"last": "2"})

    _, client = await connect(handler)
    reply = await client.reply(await client.call(b""))
    assert reply.headers["first"] == "1"
    assert base64.b64decode(reply.headers["blob-bin"] + "==") == b"\0"
    assert reply.trailers["last"] == "2"


async def test_initial_metadata_is_sent_once(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        await stream.send_initial_metadata()
        with pytest.raises(ProtocolError):
            await stream.send_initial_metadata()

    _, client = await connect(handler)
    assert (await client.reply(await client.call(b""))).status == 0


async def test_a_single_reply_is_sent_once(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        await stream.send_message(b"1")
        with pytest.raises(ProtocolError):
            await stream.send_message(b"2")

    _, client = await connect(handler, cardinality=Cardinality.STREAM_UNARY)
    assert (await client.reply(await client.call(b""))).messages == [b"1"]


async def test_a_missing_reply_is_internal(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        assert await stream.recv_message() == b"q"

    _, client = await connect(handler, cardinality=Cardinality.UNARY_UNARY)
    with capture_logs() as logs:
        reply = await client.reply(await client.call(prefixed(b"q")))
    assert reply.status == Status.INTERNAL.value
    assert [entry["event"] for entry in logs] == ["GrpcReplyMissing"]


async def test_a_unary_request_without_a_message_is_unimplemented(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        await stream.recv_message()

    _, client = await connect(handler, cardinality=Cardinality.UNARY_UNARY)
    assert (await client.reply(await client.call())).status == Status.UNIMPLEMENTED.value


async def test_a_grpc_error_is_sent_after_headers_of_their_own(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        raise GRPCError(Status.NOT_FOUND, "no ü")

    _, client = await connect(handler)
    stream_id = await client.call(b"", end=False)
    reply = await client.reply(stream_id)
    assert "grpc-status" not in reply.headers
    assert reply.status == Status.NOT_FOUND.value
    assert reply.trailers["grpc-message"] == "no %C3%BC"


async def test_an_unexpected_error_is_logged_and_not_told(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        raise ValueError("secret")

    _, client = await connect(handler)
    with capture_logs() as logs:
        reply = await client.reply(await client.call(b""))
    assert reply.status == Status.INTERNAL.value
    assert reply.trailers["grpc-message"] == "internal error"
    assert [(entry["event"], str(entry["exc_info"])) for entry in logs] == [
        ("GrpcCallFailed", "secret")
    ]


async def test_an_error_in_a_handlers_own_nursery_is_unwrapped(connect: "Connect") -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def handler(stream: CallStream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail, ValueError("aside"))
            nursery.start_soon(fail, GRPCError(Status.ABORTED, "the cause"))

    _, client = await connect(handler)
    with capture_logs() as logs:
        reply = await client.reply(await client.call(b""))
    assert reply.status == Status.ABORTED.value
    assert [str(entry["exc_info"]) for entry in logs] == ["aside"]


async def test_translated_errors_carry_their_trailers(connect: "Connect") -> None:
    def translate(error: Exception) -> CallFailure:
        return CallFailure(
            status=Status.RESOURCE_EXHAUSTED,
            message=str(error),
            metadata={"rowferry-code": "QUEUE_FULL", "grpc-status-details-bin": b"\1\2"},
        )

    async def handler(stream: CallStream) -> None:
        raise LookupError("full")

    _, client = await connect(handler, translate=translate)
    reply = await client.reply(await client.call(b""))
    assert reply.status == Status.RESOURCE_EXHAUSTED.value
    assert reply.trailers["grpc-message"] == "full"
    assert reply.trailers["rowferry-code"] == "QUEUE_FULL"
    assert reply.trailers["grpc-status-details-bin"] == "AQI"


async def test_trailers_that_cannot_be_sent_reset_one_stream_only(connect: "Connect") -> None:
    def translate(error: Exception) -> CallFailure:
        return CallFailure(status=Status.ABORTED, metadata={"empty": ""})

    async def handler(stream: CallStream) -> None:
        if await stream.recv_message() == b"fail":
            raise LookupError
        await stream.send_message(b"fine")

    _, client = await connect(handler, translate=translate)
    with capture_logs() as logs:
        reply = await client.reply(await client.call(prefixed(b"fail")))
    assert reply.reset_code == ErrorCodes.INTERNAL_ERROR
    assert [entry["event"] for entry in logs] == ["GrpcAnswerFailed"]
    assert (await client.reply(await client.call(prefixed(b"ok")))).messages == [b"fine"]


async def test_a_body_nobody_reads_is_refused_after_the_trailers(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        await stream.send_message(b"enough")

    _, client = await connect(handler)
    stream_id = await client.call(prefixed(b"x"), end=False)
    reply = await client.reply(stream_id)
    assert reply.status == 0
    while reply.reset_code is None:
        await client.receive()
        reply = await client.reply(stream_id)
    assert reply.reset_code == ErrorCodes.NO_ERROR


async def test_the_deadline_ends_a_call(connect: "Connect", autojump_clock: object) -> None:
    async def handler(stream: CallStream) -> None:
        await trio.sleep(10)

    _, client = await connect(handler)
    started = trio.current_time()
    reply = await client.reply(await client.call(b"", headers={"grpc-timeout": "500m"}))
    assert reply.status == Status.DEADLINE_EXCEEDED.value
    assert 0.4 < trio.current_time() - started < 1


async def test_a_reset_cancels_the_handler_and_logs_nothing(connect: "Connect") -> None:
    cancelled = trio.Event()

    async def handler(stream: CallStream) -> None:
        try:
            await stream.recv_message()
        except trio.Cancelled:
            cancelled.set()
            raise

    _, client = await connect(handler)
    stream_id = await client.call(b"", end=False)
    await wait_all_tasks_blocked()
    with capture_logs() as logs:
        client.h2.reset_stream(stream_id, ErrorCodes.CANCEL)
        await client.flush()
        await cancelled.wait()
        await wait_all_tasks_blocked()
    assert logs == []


async def test_a_lost_connection_cancels_the_handler(connect: "Connect") -> None:
    cancelled = trio.Event()

    async def handler(stream: CallStream) -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    _, client = await connect(handler)
    await client.call(b"", end=False)
    await wait_all_tasks_blocked()
    await client.stream.aclose()
    await cancelled.wait()


async def test_cleanup_that_sends_after_a_reset_ends_quietly(connect: "Connect") -> None:
    done = trio.Event()

    async def handler(stream: CallStream) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True), contextlib.ExitStack() as last:
                last.callback(done.set)
                await stream.send_message(b"too late")

    _, client = await connect(handler)
    stream_id = await client.call(b"", end=False)
    await wait_all_tasks_blocked()
    with capture_logs() as logs:
        client.h2.reset_stream(stream_id)
        await client.flush()
        await done.wait()
        await wait_all_tasks_blocked()
    assert logs == []


async def test_a_handler_may_cancel_its_own_call(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        await stream.cancel()

    _, client = await connect(handler)
    reply = await client.reply(await client.call(b"", end=False))
    assert reply.reset_code == ErrorCodes.NO_ERROR
    assert reply.trailers == {}


async def test_listeners_may_refuse_a_request(connect: "Connect") -> None:
    async def refuse(event: RecvRequest) -> None:
        raise GRPCError(Status.UNAUTHENTICATED, event.method_name)

    server, client = await connect(echo)
    listen(server, RecvRequest, refuse)
    reply = await client.reply(await client.call(b""))
    assert reply.status == Status.UNAUTHENTICATED.value
    assert reply.trailers["grpc-message"] == "/test.Service/Call"


async def test_the_end_of_calls_tells_clients_and_lets_handlers_clean_up(
    connect: "Connect",
) -> None:
    cleaned_up = trio.Event()

    async def handler(stream: CallStream) -> None:
        await stream.send_initial_metadata()
        try:
            await trio.sleep_forever()
        finally:
            cleaned_up.set()

    def translate(error: Exception) -> CallFailure:
        assert isinstance(error, ServerStoppingError)
        return CallFailure(status=error.status, metadata={"rowferry-code": "SHUTTING_DOWN"})

    server, client = await connect(handler, translate=translate)
    stream_id = await client.call(b"", end=False)
    await client.next_event(ResponseReceived)
    server.end_calls()
    reply = await client.reply(stream_id)
    assert reply.status == Status.UNAVAILABLE.value
    assert reply.trailers["rowferry-code"] == "SHUTTING_DOWN"
    assert cleaned_up.is_set()


@pytest.mark.parametrize(
    ("headers", "http_status", "status"),
    [
        ({":method": "GET"}, "405", Status.INTERNAL),
        ({"content-type": "application/json"}, "415", Status.INTERNAL),
        ({"content-type": None}, "415", Status.INTERNAL),
        ({"content-type": "application/grpc+json"}, "415", Status.INTERNAL),
        ({"te": None}, "400", Status.INTERNAL),
        ({":path": "/test.Service/Other"}, "200", Status.UNIMPLEMENTED),
        ({"grpc-encoding": "br"}, "200", Status.UNIMPLEMENTED),
        ({"grpc-timeout": "123456789S"}, "200", Status.INTERNAL),
        ({"grpc-timeout": "1D"}, "200", Status.INTERNAL),
        ({"x-bin": "=%"}, "200", Status.INTERNAL),
        ({"x-bin": "\xff"}, "200", Status.INTERNAL),
    ],
)
async def test_a_request_that_is_no_call_is_refused(
    connect: "Connect", headers: dict[str, str | None], http_status: str, status: Status
) -> None:
    async def handler(stream: CallStream) -> None:
        raise AssertionError("unreachable")

    _, client = await connect(handler)
    reply = await client.reply(await client.call(b"", headers=headers))
    assert reply.headers[":status"] == http_status
    assert reply.status == status.value
    assert reply.trailers["grpc-message"]


async def test_content_types_with_a_parameter_are_taken(connect: "Connect") -> None:
    _, client = await connect(echo)
    stream_id = await client.call(
        prefixed(b"m"), headers={"content-type": "application/grpc+proto; v=1"}
    )
    assert (await client.reply(stream_id)).messages == [b"m"]


async def test_header_values_beyond_ascii_do_not_end_the_connection(connect: "Connect") -> None:
    _, client = await connect(echo)
    assert (await client.reply(await client.call(b"", headers={"x-text": "caf\xe9"}))).status == 0


async def test_calls_over_the_limit_are_refused_and_may_be_tried_again(
    connect: "Connect",
) -> None:
    release = trio.Event()

    async def handler(stream: CallStream) -> None:
        await release.wait()

    _, client = await connect(handler, limits=GrpcLimits(max_streams=2))
    await client.receive()
    first, second = await client.call(b""), await client.call(b"")
    client.h2.remote_settings.max_concurrent_streams = 9
    client.h2.remote_settings.acknowledge()
    third = await client.call(b"")
    assert (await client.reply(third)).reset_code == ErrorCodes.REFUSED_STREAM
    release.set()
    assert (await client.reply(first)).status == (await client.reply(second)).status == 0
