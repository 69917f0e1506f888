"""Buckets of tokens and days of usage."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.quota import TokenBucket, Usage, day_of, seconds_of_day_left


def test_bucket_lets_its_burst_through_at_once_and_its_rate_then() -> None:
    bucket = TokenBucket(2, 3, now_seconds=100)
    assert [bucket.wait_seconds(100) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.wait_seconds(100.5) == 0
    assert bucket.wait_seconds(100.75) == 0.25


@pytest.mark.parametrize(("per_second", "burst"), [(0.1, 1), (1, 1), (2.5, 3)])
def test_burst_that_is_not_set_is_one_second_of_the_rate(per_second: float, burst: int) -> None:
    bucket = TokenBucket(per_second, 0, now_seconds=0)
    assert [bucket.wait_seconds(0) == 0 for _ in range(burst + 1)] == [True] * burst + [False]


@given(
    st.floats(0.1, 1000),
    st.integers(1, 50),
    st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_bucket_never_lets_more_through_than_burst_and_rate(
    per_second: float, burst: int, pauses: list[float]
) -> None:
    bucket = TokenBucket(per_second, burst, now_seconds=0)
    now, passed = 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.wait_seconds(now) == 0
    assert passed <= burst + now * per_second + 1e-6


@given(st.floats(0.1, 1000), st.integers(1, 50))
def test_token_is_there_after_the_time_that_was_told(per_second: float, burst: int) -> None:
    bucket = TokenBucket(per_second, burst, now_seconds=0)
    while not (wait := bucket.wait_seconds(0)):
        pass
    assert bucket.wait_seconds(wait + 1e-9) == 0


def test_bucket_is_full_again_after_a_pause() -> None:
    bucket = TokenBucket(1, 2, now_seconds=0)
    assert bucket.is_full(0)
    bucket.wait_seconds(0)
    assert [bucket.is_full(0.5), bucket.is_full(1)] == [False, True]


def test_usage_reaches_a_limit_that_there_is() -> None:
    usage = Usage(rows=5) + Usage(rows=5, payload_bytes=100)
    assert usage == Usage(rows=10, payload_bytes=100)
    assert usage.reaches(10, 0)
    assert usage.reaches(0, 100)
    assert not usage.reaches(0, 0)
    assert not usage.reaches(11, 101)


def test_days_are_those_of_utc() -> None:
    moment = datetime(2026, 5, 2, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert day_of(moment) == "2026-05-01"
    assert seconds_of_day_left(moment) == 1800
    assert seconds_of_day_left(datetime(2026, 5, 1, tzinfo=UTC)) == 86_400
