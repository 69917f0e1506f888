"""What leaves a nursery that is an inner matter."""

import pytest
import trio

from rowferry.plain_nursery import open_plain_nursery


async def test_lone_failure_leaves_without_its_group() -> None:
    with pytest.raises(ValueError, match="alone"):  # noqa: PT012  leaving the block raises
        async with open_plain_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise ValueError("alone")


async def test_failure_in_a_cancelled_scope_leaves_without_its_group() -> None:
    with pytest.raises(ValueError, match="alone"), trio.CancelScope() as scope:  # noqa: PT012  leaving the block raises
        async with open_plain_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            scope.cancel()
            raise ValueError("alone")


async def test_cancellation_stays_with_its_scope() -> None:
    with trio.CancelScope() as scope:
        async with open_plain_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep_forever)
            scope.cancel()
    assert scope.cancelled_caught


async def test_several_failures_stay_together() -> None:
    async def fail() -> None:
        raise ValueError("one of two")

    with pytest.raises(ExceptionGroup) as failures:  # noqa: PT012  leaving the block raises
        async with open_plain_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(fail)
    assert len(failures.value.exceptions) == 2
