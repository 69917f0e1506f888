"""Batches in any order, again and again: each is kept once, in its place, or refused."""

from pathlib import Path
from tempfile import TemporaryDirectory

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from rowferry.domain.errors import ErrorCode
from tests.record_batches import Row, encode_rows
from tests.unit.export.in_memory import (
    TWO_COLUMNS,
    EventNotes,
    Site,
    in_memory_adapters,
    small_config,
)

BATCHES = 6
ROWS: list[list[Row]] = [
    [(str(n * 10 + i), f"row {i} of batch {n}") for i in range(n)] for n in range(1, BATCHES + 1)
]
# what a client sends on one connection: groups of batch numbers, which may be anything
Connection = list[list[int]]
schedules = st.lists(
    st.lists(st.lists(st.integers(1, BATCHES), min_size=1, max_size=4), max_size=6), max_size=5
)


@settings(max_examples=60, deadline=None)
@given(schedule=schedules)
def test_any_schedule_of_batches_gives_the_file_of_the_undisturbed_one(
    schedule: list[Connection],
) -> None:
    assert trio.run(_file_after, schedule) == trio.run(_file_after, [])


async def _file_after(schedule: list[Connection]) -> bytes:
    """Play a schedule, then send what is missing, and give the file."""
    with TemporaryDirectory() as folder:
        events = EventNotes()
        site = Site(small_config(Path(folder)), in_memory_adapters(events), events)
        async with site.running():
            kept = 0
            for connection in schedule:
                kept = await _play(site, connection, kept)
            task_id = await _finish(site, kept)
            task = await site.adapters.store.get("shop", task_id)
            assert task is not None
            return site.storage.content(task.object_key)


async def _play(site: Site, connection: Connection, kept: int) -> int:
    """Send groups until one is refused; give the number of batches that are kept then."""
    with await site.open(TWO_COLUMNS) as session:
        for group in connection:
            done = await session.append([_message(number) for number in group])
            expected, gap = _model(group, kept)
            assert done.last_sequence == expected
            assert done.rows == sum(len(rows) for rows in ROWS[:expected])
            assert (done.refused is not None) == gap
            kept = expected
            if done.refused is not None:
                assert done.refused.code is ErrorCode.SEQUENCE_GAP
                assert done.refused.context["expected"] == str(kept + 1)
                break
    return kept


def _model(group: list[int], kept: int) -> tuple[int, bool]:
    """Tell how many batches are kept behind a group, and whether it had a gap."""
    for number in group:
        if number > kept + 1:
            return kept, True
        kept = max(kept, number)
    return kept, False


async def _finish(site: Site, kept: int) -> str:
    with await site.open(TWO_COLUMNS) as session, session.scope:
        _, next_sequence = await session.settled()
        assert next_sequence == kept + 1
        for number in range(next_sequence, BATCHES + 1):
            await session.append([_message(number)])
        await session.end(sum(len(rows) for rows in ROWS))
    await session.live.ended.wait()
    return session.live.task.id


def _message(number: int) -> tuple[bytes, int]:
    return encode_rows(ROWS[number - 1], number), 0
