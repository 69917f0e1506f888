"""What waits for a handler: bounded by bytes, admitted before it is held."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.wire.grpc_failure import MessageTooLargeError
from rowferry.wire.websocket_inbox import Inbox, PeerLeftError
from rowferry.wire.websocket_limits import MESSAGE_COST_BYTES, WebSocketLimits

LIMITS = WebSocketLimits(max_message_bytes=10_000, max_text_bytes=500, window_bytes=1000)


class Budget:
    """An admission that says yes when it is told to."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.asked_before_here: list[tuple[int, int]] = []
        self.open = trio.Event()

    async def admit(self, size_bytes: int) -> None:
        self.asked.append(size_bytes)
        await self.open.wait()

    async def admit_rest(self, size_bytes: int, arrived_bytes: Callable[[], int]) -> None:
        self.asked_before_here.append((size_bytes, arrived_bytes()))
        await self.open.wait()

    def note_progress(self) -> None:
        """Frames are no progress of their own."""


@pytest.fixture
async def inbox() -> Inbox:
    return Inbox(LIMITS)


@pytest.fixture
async def budget(inbox: Inbox) -> Budget:
    budget = Budget()
    inbox.admission = budget
    return budget


async def _feed(inbox: Inbox, count: int, piece: bytes, *, frame_bytes: int) -> None:
    for number in range(count):
        await inbox.feed(piece, whole=number == count - 1, frame_bytes=frame_bytes)


async def test_small_messages_wait_for_no_admission_but_are_counted_one_by_one(
    inbox: Inbox, nursery: trio.Nursery
) -> None:
    fits = LIMITS.window_bytes // (MESSAGE_COST_BYTES + 1)

    async def feed() -> None:
        for _ in range(fits + 5):
            await inbox.feed(b"x", whole=True)

    nursery.start_soon(feed)
    await wait_all_tasks_blocked()
    assert inbox.blocks_reader
    taken = [await inbox.take() for _ in range(fits + 5)]
    assert taken == [b"x"] * (fits + 5)
    assert not inbox.blocks_reader


async def test_a_batch_is_admitted_before_it_is_handed_out(
    inbox: Inbox, budget: Budget, nursery: trio.Nursery
) -> None:
    await inbox.feed("control", whole=True)
    await inbox.feed(b"rows", whole=True)
    assert await inbox.take() == "control"
    with trio.move_on_after(0) as waiting:
        await inbox.take()
    assert waiting.cancelled_caught
    budget.open.set()
    assert await inbox.take() == b"rows"
    assert budget.asked == [4, 4]


async def test_a_large_batch_is_read_on_once_its_whole_length_is_admitted(
    inbox: Inbox, budget: Budget, nursery: trio.Nursery
) -> None:
    taken: list[object] = []

    async def take() -> None:
        taken.append(await inbox.take())

    async def feed() -> None:
        await _feed(inbox, 20, bytes(300), frame_bytes=6000)

    nursery.start_soon(take)
    nursery.start_soon(feed)
    await wait_all_tasks_blocked()
    assert inbox.blocks_reader
    ((asked_bytes, arrived_bytes),) = budget.asked_before_here
    assert asked_bytes == 6000
    assert LIMITS.window_bytes < arrived_bytes < LIMITS.window_bytes + 300 + MESSAGE_COST_BYTES
    budget.open.set()
    await wait_all_tasks_blocked()
    assert taken == [bytes(6000)]
    assert (len(budget.asked_before_here), budget.asked) == (1, [])


async def test_a_batch_of_unknown_length_is_admitted_as_the_largest(
    inbox: Inbox, budget: Budget, nursery: trio.Nursery
) -> None:
    budget.open.set()

    async def feed() -> None:
        await _feed(inbox, 20, bytes(300), frame_bytes=0)

    nursery.start_soon(feed)
    assert await inbox.take() == bytes(6000)
    assert [asked for asked, _ in budget.asked_before_here] == [LIMITS.max_message_bytes]


async def test_an_admission_is_for_one_message(
    inbox: Inbox, budget: Budget, nursery: trio.Nursery
) -> None:
    budget.open.set()

    async def feed() -> None:
        for _ in range(4):
            await inbox.feed(bytes(900), whole=True)

    nursery.start_soon(feed)
    for _ in range(4):
        assert await inbox.take() == bytes(900)
    assert budget.asked == [900] * 4


@pytest.mark.parametrize(("piece", "limit"), [(b"x", 10_000), ("x", 500)])
async def test_a_message_over_its_limit_is_dropped_at_once(
    inbox: Inbox, piece: str | bytes, limit: int
) -> None:
    await inbox.feed(piece * 100, whole=False)
    await inbox.feed(piece * limit, whole=False)
    await inbox.feed(piece * 100, whole=True)
    with pytest.raises(MessageTooLargeError):
        await inbox.take()


async def test_a_message_that_announces_too_much_is_not_waited_for(inbox: Inbox) -> None:
    await inbox.feed(b"x" * 100, whole=False, frame_bytes=2**40)
    with pytest.raises(MessageTooLargeError):
        await inbox.take()


async def test_ten_thousand_pieces_are_one_message(inbox: Inbox) -> None:
    inbox.admission = None
    for number in range(10_000):
        with trio.move_on_after(0):  # nobody takes it meanwhile
            await inbox.feed(bytes([number % 256]), whole=number == 9_999)
    assert await inbox.take() == bytes(number % 256 for number in range(10_000))


async def test_a_handler_gets_what_is_whole_before_it_hears_that_its_peer_left(
    inbox: Inbox,
) -> None:
    await inbox.feed(b"whole", whole=True)
    await inbox.feed(b"half", whole=False)
    inbox.fail(PeerLeftError())
    assert await inbox.take() == b"whole"
    with pytest.raises(PeerLeftError):
        await inbox.take()
