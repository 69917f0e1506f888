"""A nursery whose lone failure arrives as itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def open_plain_nursery() -> AsyncIterator[trio.Nursery]:
    """Open a nursery that is an inner matter: a single failure leaves it without its group.

    A caller must not have to know which call runs tasks inside.
    """
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        # one that fails as everything is cancelled leaves with what failed: the scope that was
        # cancelled would take only its own out of the group
        _, failed = group.split(trio.Cancelled)
        failure: BaseException = group if failed is None else failed
        while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
            failure = failure.exceptions[0]
        if isinstance(failure, BaseExceptionGroup):
            raise
        raise failure from failure.__cause__
