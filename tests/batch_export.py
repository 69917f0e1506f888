"""Batches made by hand go to a service as they are: one connection, and no second try."""

from collections.abc import AsyncIterable, Callable, Iterable

import trio

from rowferry.client.call import CallEnded
from rowferry.client.errors import RowferryError
from rowferry.client.service_calls import ExportCall, ServiceCalls
from rowferry.plain_nursery import open_plain_nursery
from rowferry.v1 import export_pb2 as pb

Batches = Iterable[bytes] | AsyncIterable[bytes]


def _ignore(_: object) -> None:
    """Be told of something and do nothing."""


async def export_batches(
    calls: ServiceCalls,
    metadata: pb.ExportMetadata,
    batches: Batches,
    *,
    on_created: Callable[[pb.TaskCreated], None] = _ignore,
    on_ack: Callable[[pb.BatchAck], None] = _ignore,
) -> pb.ExportResult:
    """Stream encoded batches into a file; give the result, which may be a failure's.

    Batches are taken as the service has room for them. Raises RowferryError when the service
    refuses the request or a batch.
    """
    async with calls.open_export(metadata) as call, open_plain_nursery() as nursery:
        nursery.start_soon(_send_batches, call, batches)
        result = await _receive_result(call, on_created, on_ack)
        nursery.cancel_scope.cancel()
    return result


async def _send_batches(call: ExportCall, batches: Batches) -> None:
    await trio.lowlevel.checkpoint()
    try:
        if isinstance(batches, AsyncIterable):
            async for batch in batches:
                await call.send_batch(batch)
        else:
            for batch in batches:
                await call.send_batch(batch)
        await call.finish()
    except CallEnded:
        return  # the result, or the refusal, is on its way to the receiver


async def _receive_result(
    call: ExportCall,
    on_created: Callable[[pb.TaskCreated], None],
    on_ack: Callable[[pb.BatchAck], None],
) -> pb.ExportResult:
    result: pb.ExportResult | None = None
    while (response := await call.receive()) is not None:
        if response.HasField("task_created"):
            on_created(response.task_created)
        elif response.HasField("ack"):
            on_ack(response.ack)
        elif response.HasField("result"):
            result = response.result
    if result is None:
        raise RowferryError("INTERNAL", "The server ended the export without a result.", {})
    return result
