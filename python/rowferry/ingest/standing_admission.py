"""Calls that go on for long: whoever may not pass any more is not served to the end."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import trio

from rowferry.domain.access import Caller, check_same_client
from rowferry.domain.errors import RowferryError
from rowferry.plain_nursery import open_plain_nursery

RECHECK_SECONDS: Final = 5.0

Recognise: TypeAlias = Callable[[], Caller]
"""Tells who calls by what they have shown; raises UNAUTHENTICATED, FORBIDDEN."""


@asynccontextmanager
async def while_admitted(client: str, recognise: Recognise) -> AsyncIterator[None]:
    """Run the block as long as its caller would be let in; raise what refuses them then.

    The block is cancelled: its token was revoked or has expired, its client was disabled.
    """
    refusals: list[RowferryError] = []

    async def look_now_and_then(scope: trio.CancelScope) -> None:
        while not refusals:
            await trio.sleep(RECHECK_SECONDS)
            try:
                check_same_client(client, recognise())
            except RowferryError as refusal:
                refusals.append(refusal)
                scope.cancel()

    async with open_plain_nursery() as nursery:
        nursery.start_soon(look_now_and_then, nursery.cancel_scope)
        yield
        nursery.cancel_scope.cancel()
    if refusals:
        raise refusals[0]
