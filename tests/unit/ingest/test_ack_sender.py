"""Acks go out when they are due, conflated to the newest, and never hold up who appends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain.batch import ACK_SILENCE_SECONDS, Ack, AckRule
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.ingest.ack_sender import AckSender

HALF = ACK_SILENCE_SECONDS / 2


class Reader:
    """A client: what it got, and whether it reads at all; and the disk behind its acks."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.reads = trio.Event()
        self.reads.set()
        self.synced = trio.Event()
        self.synced.set()
        self.syncs = 0
        self.sync_failure: RowferryError | None = None

    async def writable(self) -> None:
        await self.reads.wait()

    async def sync(self) -> None:
        self.syncs += 1
        await self.synced.wait()
        if self.sync_failure is not None:
            raise self.sync_failure

    async def take(self, ack: Ack) -> None:
        await trio.lowlevel.checkpoint()
        self.got.append(ack.batch_sequence)


@pytest.fixture
def reader() -> Reader:
    return Reader()


def _make(reader: Reader, rule: AckRule) -> AckSender:
    return AckSender(rule, sync=reader.sync, wait_writable=reader.writable, send=reader.take)


@asynccontextmanager
async def _sender(reader: Reader, ack_every: int = 1) -> AsyncIterator[AckSender]:
    """Run a sender for a block that closes it, and wait for its end."""
    sender = _make(reader, AckRule(ack_every))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.run)
        yield sender


def _append(sender: AckSender, *sequences: int) -> None:
    for sequence in sequences:
        sender.appended(Ack(batch_sequence=sequence, rows=sequence, payload_bytes=sequence))


async def test_every_batch_is_acknowledged_at_once(reader: Reader) -> None:
    async with _sender(reader) as sender:
        for sequence in (1, 2, 3):
            _append(sender, sequence)
            await wait_all_tasks_blocked()
            assert reader.got[-1] == sequence
        sender.close()
    assert reader.got == [1, 2, 3]


async def test_so_many_batches_have_one_ack(reader: Reader, mock_clock: MockClock) -> None:
    async with _sender(reader, ack_every=3) as sender:
        for sequence in range(1, 8):
            _append(sender, sequence)
            await wait_all_tasks_blocked()
        assert reader.got == [3, 6]
        sender.close()
    assert reader.got == [3, 6, 7]
    assert mock_clock.current_time() == 0


async def test_batches_of_one_group_have_the_ack_of_the_newest(reader: Reader) -> None:
    async with _sender(reader, ack_every=2) as sender:
        _append(sender, 1, 2, 3, 4, 5)
        await wait_all_tasks_blocked()
        assert reader.got == [5]
        sender.close()


async def test_silence_behind_the_newest_batch_sends_its_ack(
    reader: Reader, mock_clock: MockClock
) -> None:
    async with _sender(reader, ack_every=10) as sender:
        _append(sender, 1)
        await wait_all_tasks_blocked()
        mock_clock.jump(HALF)
        _append(sender, 2)
        await wait_all_tasks_blocked()
        mock_clock.jump(HALF)  # silence counts from the newest batch
        await wait_all_tasks_blocked()
        assert reader.got == []
        mock_clock.jump(HALF)
        await wait_all_tasks_blocked()
        assert reader.got == [2]
        sender.close()
    assert reader.got == [2]


async def test_flush_sends_what_is_pending(reader: Reader, mock_clock: MockClock) -> None:
    async with _sender(reader, ack_every=10) as sender:
        _append(sender, 1)
        sender.flush()
        await wait_all_tasks_blocked()
        assert reader.got == [1]
        sender.close()
    assert mock_clock.current_time() == 0


async def test_flush_of_nothing_hurries_no_later_ack(
    reader: Reader, mock_clock: MockClock
) -> None:
    async with _sender(reader, ack_every=10) as sender:
        sender.flush()
        _append(sender, 1)
        await wait_all_tasks_blocked()
        assert reader.got == []
        sender.close()
    assert mock_clock.current_time() == 0


async def test_close_sends_what_is_pending_and_ends(reader: Reader) -> None:
    async with _sender(reader, ack_every=10) as sender:
        _append(sender, 1, 2)
        sender.close()
    assert reader.got == [2]


async def test_nothing_is_sent_when_nothing_came(reader: Reader) -> None:
    async with _sender(reader) as sender:
        await wait_all_tasks_blocked()
        sender.close()
    assert reader.got == []


async def test_acks_conflate_while_the_client_reads_nothing(reader: Reader) -> None:
    reader.reads = trio.Event()
    async with _sender(reader) as sender:
        for sequence in range(1, 1001):
            _append(sender, sequence)
        await wait_all_tasks_blocked()
        assert reader.got == []
        reader.reads.set()
        await wait_all_tasks_blocked()
        assert reader.got == [1000]
        sender.close()
    assert reader.got == [1000]


async def test_ack_that_came_while_another_was_being_sent_follows_it(reader: Reader) -> None:
    async with _sender(reader) as sender:
        _append(sender, 1)
        while not reader.got:
            await trio.lowlevel.checkpoint()
        _append(sender, 2)
        sender.close()
    assert reader.got == [1, 2]


async def test_resumed_stream_counts_from_where_it_stands(reader: Reader) -> None:
    sender = _make(reader, AckRule(3, last_sequence=10))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.run)
        _append(sender, 11, 12)
        await wait_all_tasks_blocked()
        assert reader.got == []
        _append(sender, 13)
        await wait_all_tasks_blocked()
        assert reader.got == [13]
        sender.close()


# What an ack tells of is synced before.


async def test_ack_waits_for_the_sync_of_what_it_tells_of(reader: Reader) -> None:
    reader.synced = trio.Event()
    async with _sender(reader) as sender:
        _append(sender, 1)
        await wait_all_tasks_blocked()
        assert (reader.syncs, reader.got) == (1, [])
        reader.synced.set()
        await wait_all_tasks_blocked()
        assert reader.got == [1]
        sender.close()


async def test_batches_that_come_during_a_sync_share_the_next_one(reader: Reader) -> None:
    reader.synced = trio.Event()
    async with _sender(reader) as sender:
        _append(sender, 1)
        await wait_all_tasks_blocked()
        _append(sender, 2, 3, 4)
        await wait_all_tasks_blocked()
        _append(sender, 5)
        reader.synced.set()
        await wait_all_tasks_blocked()
        sender.close()
    assert (reader.got, reader.syncs) == ([1, 5], 2)


async def test_client_that_reads_nothing_costs_no_sync(reader: Reader) -> None:
    reader.reads = trio.Event()
    async with _sender(reader) as sender:
        _append(sender, 1)
        await wait_all_tasks_blocked()
        assert reader.syncs == 0
        reader.reads.set()
        sender.close()


async def test_failed_sync_is_raised_and_nothing_is_acknowledged(reader: Reader) -> None:
    reader.sync_failure = RowferryError(ErrorCode.WRITE_FAILED, "The disk is gone.")
    with pytest.RaisesGroup(RowferryError):
        async with _sender(reader) as sender:
            _append(sender, 1)
            await wait_all_tasks_blocked()
    assert reader.got == []
