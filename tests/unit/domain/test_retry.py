import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.errors import ErrorCode
from rowferry.domain.retry import RETRYABLE, RetryPolicy

POLICY = RetryPolicy(max_attempts=4, base_seconds=10, cap_seconds=900)
ALMOST_ONE = 1 - 1e-12


@pytest.mark.parametrize(("attempt", "at_most"), [(1, 10), (2, 20), (3, 40)])
def test_ceiling_doubles_with_each_attempt(attempt: int, at_most: int) -> None:
    delay = POLICY.delay_seconds(ErrorCode.STORAGE_UNAVAILABLE, attempt, ALMOST_ONE)
    assert delay == pytest.approx(at_most)


def test_last_attempt_is_the_last() -> None:
    assert POLICY.delay_seconds(ErrorCode.STORAGE_UNAVAILABLE, 4, 0.5) is None


@pytest.mark.parametrize("code", sorted(set(ErrorCode) - RETRYABLE))
def test_what_would_fail_again_is_not_tried_again(code: ErrorCode) -> None:
    assert POLICY.delay_seconds(code, 1, 0.5) is None


@given(
    attempt=st.integers(0, 10_000), chance=st.floats(0, 1, exclude_max=True), cap=st.floats(0, 1e6)
)
def test_delay_lies_between_nothing_and_the_cap(attempt: int, chance: float, cap: float) -> None:
    policy = RetryPolicy(max_attempts=100_000, base_seconds=10, cap_seconds=cap)
    delay = policy.delay_seconds(ErrorCode.WRITE_FAILED, attempt, chance)
    assert delay is not None
    assert 0 <= delay <= cap


def test_delay_is_spread_over_all_of_the_ceiling() -> None:
    assert POLICY.delay_seconds(ErrorCode.INTERNAL, 1, 0.0) == 0
    assert POLICY.delay_seconds(ErrorCode.INTERNAL, 1, 0.25) == 2.5
