import pytest
import trio
import trio.testing

from rowferry.wire.http_connections import STALLED_SECONDS, Connections, GuardedStream

MORE_THAN_SOCKETS_HOLD = bytes(16 << 20)


def connected() -> tuple[trio.SocketStream, trio.SocketStream]:
    ours, theirs = trio.socket.socketpair()
    return trio.SocketStream(ours), trio.SocketStream(theirs)


async def test_peer_that_takes_nothing_breaks_the_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ours, theirs = connected()
    stream = GuardedStream(ours)
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(MORE_THAN_SOCKETS_HOLD)
    assert autojump_clock.current_time() >= STALLED_SECONDS
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()
    await theirs.aclose()


async def test_peer_that_is_only_slow_gets_everything(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ours, theirs = connected()
    received = 0
    async with trio.open_nursery() as nursery:

        async def send() -> None:
            async with GuardedStream(ours) as stream:
                await stream.send_all(MORE_THAN_SOCKETS_HOLD)

        nursery.start_soon(send)
        while block := await theirs.receive_some(2 << 20):
            received += len(block)
            await trio.sleep(STALLED_SECONDS / 2)  # on the mock clock
    assert received == len(MORE_THAN_SOCKETS_HOLD)
    assert autojump_clock.current_time() > STALLED_SECONDS
    await theirs.aclose()


async def test_abort_ends_even_a_shielded_send() -> None:
    ours, theirs = connected()
    connections = Connections()

    async def send(stream: GuardedStream) -> None:
        with trio.CancelScope(shield=True), pytest.raises(trio.ClosedResourceError):
            await stream.send_all(MORE_THAN_SOCKETS_HOLD)

    with connections.guarded(ours) as stream:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, stream)
            await trio.testing.wait_all_tasks_blocked()
            connections.abort_all()
    await theirs.aclose()


async def test_peer_that_is_gone_is_a_broken_resource() -> None:
    ours, theirs = connected()
    await theirs.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await GuardedStream(ours).send_all(b"x")
    await ours.aclose()


async def test_all_closed_waits_for_every_connection() -> None:
    connections = Connections()
    first, second = connected()
    seen: list[str] = []

    async def watch() -> None:
        await connections.all_closed()
        seen.append("all closed")

    async with trio.open_nursery() as nursery:
        with connections.guarded(first):
            with connections.guarded(second):
                nursery.start_soon(watch)
                await trio.testing.wait_all_tasks_blocked()
            await trio.testing.wait_all_tasks_blocked()
            seen.append("one closed")
    assert seen == ["one closed", "all closed"]
    await connections.all_closed()


async def test_what_does_not_go_at_once_goes_before_anything_else() -> None:
    ours, theirs = connected()
    async with GuardedStream(ours) as stream, theirs:
        assert stream.is_drained()
        stream.send_now(MORE_THAN_SOCKETS_HOLD)
        assert not stream.is_drained()
        received = bytearray()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, b"the end")
            while not received.endswith(b"the end"):
                received += await theirs.receive_some(1 << 20)
                assert not stream.is_drained() or received.endswith(b"the end")
        assert received == MORE_THAN_SOCKETS_HOLD + b"the end"
        assert stream.is_drained()


async def test_rest_goes_as_its_peer_reads() -> None:
    ours, theirs = connected()
    async with GuardedStream(ours) as stream, theirs:
        stream.send_now(MORE_THAN_SOCKETS_HOLD)
        received = 0
        while not stream.is_drained():
            received += len(await theirs.receive_some(1 << 20))
        while received < len(MORE_THAN_SOCKETS_HOLD):
            received += len(await theirs.receive_some(1 << 20))
    assert received == len(MORE_THAN_SOCKETS_HOLD)


async def test_sending_to_a_peer_that_has_gone_shows_to_who_reads() -> None:
    ours, theirs = connected()
    await theirs.aclose()
    stream = GuardedStream(ours)
    stream.send_now(b"hello")
    stream.send_now(b"hello")
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()
