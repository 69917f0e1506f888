"""Batches by their numbers, over gRPC: what is acknowledged, what is refused, where to go on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from rowferry.client import RowferryError
from rowferry.doors import Addresses
from rowferry.v1 import export_pb2 as pb
from tests.record_batches import Row, encode_rows

if TYPE_CHECKING:
    from tests.integration.service.conftest import OpenCall, RowCall

MakeMetadata = Callable[..., pb.ExportMetadata]
Download = Callable[[str], Awaitable[tuple[bytes, str]]]
# The call, and what the service says of where it goes on.
Resumed = AbstractAsyncContextManager[tuple["RowCall", pb.TaskCreated]]
Resume = Callable[[pb.TaskCreated], Resumed]
EndsWith = Callable[..., Awaitable[None]]
ROWS: dict[int, Row] = {number: (str(number), f"row {number}") for number in range(1, 9)}


@pytest.fixture
async def created(call: "RowCall", make_metadata: MakeMetadata) -> pb.TaskCreated:
    """What ``call`` was told of the task that it has begun."""
    await call.send(metadata=make_metadata(ack_every=1))
    return await call.created()


@pytest.fixture
async def begun(call: "RowCall", created: pb.TaskCreated) -> "RowCall":
    """A call whose task is there."""
    del created
    return call


@pytest.fixture
def resume(addresses: Addresses, open_call: "OpenCall") -> Resume:
    """Go on with a task on another connection."""

    @asynccontextmanager
    async def again(created: pb.TaskCreated) -> AsyncIterator[tuple["RowCall", pb.TaskCreated]]:
        async with open_call(addresses) as call:
            await call.send(resume=pb.Resume(task_id=created.task_id))
            yield call, await call.created()

    return again


@pytest.fixture
def ends_with(download: Download) -> EndsWith:
    """End a call and hold its file to rows of ``ROWS``."""

    async def check(call: "RowCall", *rows: int) -> None:
        await call.end()
        result = await call.result()
        assert result.status == pb.COMPLETED
        content, _ = await download(result.oss_url)
        lines = content.decode("utf-8-sig").splitlines()
        assert lines[1:] == [f"{row},row {row}" for row in rows]

    return check


def _batch(sequence: int, *rows: int) -> bytes:
    return encode_rows([ROWS[row] for row in rows], sequence)


async def _refusal(call: "RowCall") -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        await call.result()
    return caught.value


async def test_equal_batch_again_is_acknowledged_again_and_dropped(
    begun: "RowCall", ends_with: EndsWith
) -> None:
    await begun.send_batch(_batch(1, 1, 2))
    first = await begun.ack(1)
    await begun.send_batch(_batch(1, 1, 2))
    again = await begun.ack(1)
    assert (again.batch_sequence, again.rows) == (first.batch_sequence, first.rows) == (1, 2)
    await begun.send_batch(_batch(2, 3))
    await ends_with(begun, 1, 2, 3)


async def test_other_content_under_a_used_number_is_a_conflict_and_keeps_what_was(
    call: "RowCall", created: pb.TaskCreated, resume: Resume
) -> None:
    await call.send_batch(_batch(1, 1))
    await call.ack(1)
    await call.send_batch(_batch(1, 2))
    refused = await _refusal(call)
    assert (refused.code, refused.context["batch_sequence"]) == ("IDEMPOTENCY_CONFLICT", "1")
    async with resume(created) as (_, resumed):
        assert resumed.next_sequence == 2


async def test_client_goes_on_where_the_gap_was(
    call: "RowCall", created: pb.TaskCreated, resume: Resume, ends_with: EndsWith
) -> None:
    await call.send_batch(_batch(1, 1))
    await call.send_batch(_batch(3, 3))
    refused = await _refusal(call)
    assert (refused.code, refused.context["expected"]) == ("SEQUENCE_GAP", "2")
    async with resume(created) as (again, resumed):
        assert resumed.next_sequence == 2
        await again.send_batch(_batch(2, 2))
        await again.send_batch(_batch(3, 3))
        await ends_with(again, 1, 2, 3)


async def test_unnumbered_batches_are_numbered_by_the_service_which_tells_it(
    call: "RowCall", created: pb.TaskCreated, resume: Resume, ends_with: EndsWith
) -> None:
    assert created.next_sequence == 1
    await call.send_batch(_batch(0, 1, 2))
    await call.send_batch(_batch(0, 3))
    assert (await call.ack(2)).rows == 3
    async with resume(created) as (again, resumed):
        assert (resumed.next_sequence, resumed.rows_received) == (3, 3)
        await again.send_batch(_batch(0, 4))
        await ends_with(again, 1, 2, 3, 4)


@pytest.mark.parametrize(("first", "second"), [(0, 2), (1, 0), (1, -1)])
async def test_numbers_of_both_modes_do_not_mix(begun: "RowCall", first: int, second: int) -> None:
    await begun.send_batch(_batch(first, 1))
    await begun.ack(1)
    await begun.send_batch(_batch(second, 2))
    refused = await _refusal(begun)
    assert (refused.code, refused.context["field"]) == ("INVALID_METADATA", "batch_sequence")
    assert refused.context["got"] == str(second)


async def test_negative_number_is_refused_for_the_first_batch_too(begun: "RowCall") -> None:
    await begun.send_batch(_batch(-5, 1))
    assert (await _refusal(begun)).code == "INVALID_METADATA"


@pytest.mark.parametrize("numbers", [(1, 2), (0, 0)], ids=["numbered", "unnumbered"])
async def test_empty_batch_takes_its_number(
    begun: "RowCall", ends_with: EndsWith, numbers: tuple[int, int]
) -> None:
    await begun.send_batch(_batch(numbers[0]))
    assert (await begun.ack(1)).rows == 0
    await begun.send_batch(_batch(numbers[1], 1))
    assert (await begun.ack(2)).rows == 1
    await ends_with(begun, 1)


async def test_rows_received_lets_a_client_skip_what_is_there(
    begun: "RowCall",
    addresses: Addresses,
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
    ends_with: EndsWith,
) -> None:
    await begun.send_batch(_batch(1, 1, 2, 3))
    await begun.ack(1)
    async with open_call(addresses) as again:
        await again.send(metadata=make_metadata(ack_every=1))  # the same request, without an id
        resumed = await again.created()
        rest = [row for row in ROWS if row > resumed.rows_received]
        await again.send_batch(_batch(resumed.next_sequence, *rest))
        await ends_with(again, *ROWS)


async def test_structural_error_keeps_nothing_of_its_batch_and_the_task_open(
    call: "RowCall", created: pb.TaskCreated, resume: Resume, ends_with: EndsWith
) -> None:
    await call.send_batch(_batch(1, 1))
    await call.send_batch(encode_rows([ROWS[2], ("3", "too", "wide")], 2))
    refused = await _refusal(call)
    assert (refused.code, refused.context["row"]) == ("INVALID_ROW", "3")
    async with resume(created) as (again, resumed):
        assert (resumed.next_sequence, resumed.rows_received) == (2, 1)
        await again.send_batch(_batch(2, 2, 3))
        await ends_with(again, 1, 2, 3)


async def test_wrong_number_of_rows_at_the_end_keeps_the_task_open(
    call: "RowCall", created: pb.TaskCreated, resume: Resume, ends_with: EndsWith
) -> None:
    await call.send_batch(_batch(1, 1))
    await call.send(finish=pb.Finish(expected_rows=2))
    refused = await _refusal(call)
    assert refused.code == "ROW_COUNT_MISMATCH"
    assert (refused.context["expected"], refused.context["got"]) == ("2", "1")
    async with resume(created) as (again, _):
        await again.send_batch(_batch(2, 2))
        await again.send(finish=pb.Finish(expected_rows=2))
        await ends_with(again, 1, 2)
