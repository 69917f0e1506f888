"""The pure parts of flow control: ledger, body buffer, flood gate, limits."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.h2_body import BodyBuffer
from rowferry.wire.h2_flood import FloodGate
from rowferry.wire.h2_windows import WindowLedger


@given(st.integers(2, 100), st.integers(0, 200), st.lists(st.integers(1, 50), max_size=60))
def test_a_peer_whose_bytes_are_consumed_is_never_left_without_a_window(
    window: int, lookahead: int, portions: Sequence[int]
) -> None:
    ledger = WindowLedger(window, lookahead_bytes=lookahead)
    available = window
    for portion in portions:
        sent = min(portion, available)
        available -= sent
        ledger.receive(sent)
        ledger.consume(sent)
        available += ledger.take_increment()
        assert 0 < available <= window


@given(st.integers(2, 100), st.integers(0, 200), st.lists(st.integers(1, 50), max_size=60))
def test_a_peer_never_gets_more_than_window_and_lookahead_ahead(
    window: int, lookahead: int, portions: Sequence[int]
) -> None:
    ledger = WindowLedger(window, lookahead_bytes=lookahead)
    available = window
    for portion in portions:
        sent = min(portion, available)
        available -= sent
        ledger.receive(sent)
        available += ledger.take_increment()
        assert ledger.unconsumed_bytes <= window + lookahead


def test_a_window_is_reopened_by_half_of_it_at_least() -> None:
    ledger = WindowLedger(100)
    ledger.receive(60)
    ledger.consume(49)
    assert ledger.take_increment() == 0
    ledger.consume(1)
    assert ledger.take_increment() == 50
    assert ledger.take_increment() == 0


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 30)))
def test_a_body_is_read_in_the_order_it_came(chunks: list[bytes], sizes: list[int]) -> None:
    body, expected = BodyBuffer(), b"".join(chunks)
    for chunk in chunks:
        body.append(chunk)
    for size in sizes:
        assert body.peek(size) == expected[:size]
        if size <= len(expected):
            assert body.take(size) == expected[:size]
            expected = expected[size:]
        assert body.size_bytes == len(expected)


def test_taking_more_than_there_is_takes_nothing() -> None:
    body = BodyBuffer()
    body.append(b"abc")
    with pytest.raises(ValueError, match="4 bytes wanted, 3 are there"):
        body.take(4)
    assert body.take(3) == b"abc"


def test_a_flood_gate_counts_each_second_anew() -> None:
    gate = FloodGate(2)
    assert [gate.overflows(now) for now in (0.0, 0.5, 0.9)] == [False, False, True]
    assert not gate.overflows(1.0)


def test_a_forgiven_peer_is_counted_anew() -> None:
    gate = FloodGate(1)
    gate.overflows(0.0)
    gate.forgive()
    assert not gate.overflows(0.1)


@pytest.mark.parametrize(
    "limits",
    [
        {"stream_window_bytes": 65_534},
        {"connection_window_bytes": 2**31},
        {"max_frame_bytes": 16_383},
        {"max_frame_bytes": 2**24},
    ],
)
def test_limits_http2_does_not_allow_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        GrpcLimits(**limits)
