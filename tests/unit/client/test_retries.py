"""Pauses between tries: how long, for what, until when."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from rowferry.client import InvalidRowError, RowferryError, TlsError, UnreachableError
from rowferry.client.errors import refusal
from rowferry.client.retries import PASSING_CODES, Retries, node_after

AWAY = UnreachableError("Nobody is there.")


async def pauses(retries: Retries, failure: RowferryError, count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = trio.current_time()
        await retries.pause(failure)
        found.append(trio.current_time() - began)
    return found


async def test_pauses_double_up_to_ten_seconds(autojump_clock: MockClock) -> None:
    del autojump_clock
    found = await pauses(Retries(1000, draw=lambda: 1.0), AWAY, 9)
    assert found == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10])


async def test_pauses_are_drawn_from_all_of_their_length(autojump_clock: MockClock) -> None:
    del autojump_clock
    drawn = iter([0.0, 0.5, 0.25])
    found = await pauses(Retries(1000, draw=lambda: next(drawn)), AWAY, 3)
    assert found == pytest.approx([0, 0.2, 0.2])


async def test_a_pause_that_the_service_asks_for_is_kept(autojump_clock: MockClock) -> None:
    del autojump_clock
    limited = refusal("RATE_LIMITED", "", {"retry_after_seconds": "7"})
    assert await pauses(Retries(1000, draw=lambda: 0.0), limited, 1) == pytest.approx([7])


async def test_after_so_long_the_failure_is_raised(autojump_clock: MockClock) -> None:
    del autojump_clock
    retries = Retries(120)
    began = trio.current_time()
    with pytest.raises(UnreachableError):
        await pauses(retries, AWAY, 1000)
    assert trio.current_time() - began <= 120


async def test_progress_begins_the_time_anew(autojump_clock: MockClock) -> None:
    del autojump_clock
    retries = Retries(1, draw=lambda: 1.0)
    for _ in range(10):
        assert await pauses(retries, AWAY, 2) == pytest.approx([0.2, 0.4])
        retries.progressed()


async def test_a_connection_that_stood_for_a_while_is_progress(autojump_clock: MockClock) -> None:
    del autojump_clock
    retries = Retries(1, draw=lambda: 1.0)
    for _ in range(3):
        retries.stands()
        await trio.sleep(60)
        await retries.pause(AWAY)


async def test_tries_that_hang_are_no_progress(autojump_clock: MockClock) -> None:
    del autojump_clock
    retries = Retries(120)
    began = trio.current_time()

    async def try_for_ever() -> None:
        while True:
            await trio.sleep(20)  # a host that swallows what is sent to it
            await retries.pause(AWAY)

    with pytest.raises(UnreachableError):
        await try_for_ever()
    assert trio.current_time() - began < 200


@pytest.mark.parametrize("failure", [InvalidRowError("INVALID_ROW", ""), TlsError("Unknown.")])
async def test_what_does_not_pass_is_raised_at_once(failure: RowferryError) -> None:
    with pytest.raises(type(failure)):
        await Retries(120).pause(failure)


@given(st.sampled_from(sorted(PASSING_CODES)))
def test_what_may_pass_is_waited_for(code: str) -> None:
    async def wait() -> None:
        await Retries(120, draw=lambda: 0.0).pause(refusal(code, "", {}))

    trio.run(wait, clock=MockClock(autojump_threshold=0))


def test_the_node_that_has_the_rows_is_asked_next() -> None:
    elsewhere = refusal("WRONG_NODE", "", {"node_address": "b:9090"})
    assert node_after(elsewhere, "") == "b:9090"
    assert node_after(AWAY, "b:9090") == "b:9090"
