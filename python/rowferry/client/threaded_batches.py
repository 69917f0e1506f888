"""Batches that are made in a thread, while others are sent."""

from collections.abc import Iterator, Sequence
from typing import Self

import trio

from rowferry.client.packing import PackedRows


class ThreadedBatches:
    """Draws groups of batches from an iterator in a thread: an asynchronous iterator of them."""

    def __init__(
        self,
        groups: Iterator[Sequence[PackedRows]],
        *,
        limiter: trio.CapacityLimiter,
        may_be_left: bool = False,
    ) -> None:
        """``may_be_left`` is for a source that can block for ever, such as a terminal."""
        self._groups = groups
        self._limiter = limiter
        self._may_be_left = may_be_left
        self._drawn: Iterator[PackedRows] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> PackedRows:
        await trio.lowlevel.checkpoint()
        while (packed := next(self._drawn, None)) is None:
            group = await trio.to_thread.run_sync(
                next,
                self._groups,
                None,
                limiter=self._limiter,
                abandon_on_cancel=self._may_be_left,
            )
            if group is None:
                raise StopAsyncIteration
            self._drawn = iter(group)
        return packed
