"""A client that resumes: it notes what was acknowledged and holds the service to it."""

import random
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Final
from uuid import uuid4

import grpc  # type: ignore[import-untyped]

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient, Request, finish
from tests.faults.encoded_rows import EncodedRows, export_metadata

RESENT_BATCHES: Final = 5
# What a client hears when the service dies or stops, or the network between them does.
INTERRUPTED: Final = "UNAVAILABLE"


class Transfer:
    """One export pushed through any number of interruptions.

    ``push`` is one connection of it. Every answer is checked against what was acknowledged
    before: the service may know more than its client was told, never less.
    """

    def __init__(self, rows: EncodedRows, file_format: pb.Format, chance: random.Random) -> None:
        self.rows: Final = rows
        self.file_format: Final = file_format
        self.request_id: Final = uuid4().hex
        self.task_id = ""
        self.acknowledged_sequence = 0
        self.acknowledged_rows = 0
        self.resent_batches = 0
        self.connections = 0
        self.result: pb.ExportResult | None = None
        self._chance = chance

    def push(
        self,
        address: str,
        *,
        on_ack: Callable[[], None] = lambda: None,
        batches: int | None = None,
    ) -> None:
        """Go on where the service stands until the result, or until the connection is lost.

        ``batches``: send no more than so many, and not the end of rows; None = all there is.
        """
        self.connections += 1
        with GrpcioClient.connect(address) as client:
            first_batch: SimpleQueue[int] = SimpleQueue()
            responses = client.open_export(self._requests(first_batch, batches))
            try:
                for response in responses:
                    self._take(response, first_batch)
                    if response.HasField("ack"):
                        on_ack()
            except grpc.RpcError as error:
                if error.code().name != INTERRUPTED:
                    raise
            finally:
                first_batch.put(0)

    def _requests(self, first_batch: SimpleQueue[int], batches: int | None) -> Iterator[Request]:
        yield self._opening()
        start = first_batch.get()
        if start:
            yield from self.rows.requests[start - 1 :][:batches]
            if batches is None:
                yield finish(self.rows.row_count)
            else:
                first_batch.get()  # at the end of the connection

    def _opening(self) -> pb.ExportRequest:
        """Name the task, or ask for the same export again: both go on with it."""
        if self.task_id and self._chance.random() < 0.5:
            return pb.ExportRequest(resume=pb.Resume(task_id=self.task_id))
        return export_metadata(self.request_id, self.file_format)

    def _take(self, response: pb.ExportResponse, first_batch: SimpleQueue[int]) -> None:
        if response.HasField("task_created"):
            first_batch.put(self._start(response.task_created))
        elif response.HasField("ack"):
            self._note(response.ack.batch_sequence, response.ack.rows)
        else:
            self.result = response.result

    def _start(self, created: pb.TaskCreated) -> int:
        """Choose the batch to begin with: now and then some that the service has already."""
        assert self.task_id in {"", created.task_id}, "the request became another task"
        self.task_id = created.task_id
        known = created.next_sequence - 1
        if known < 0:  # the rows ended: nothing is wanted
            assert created.rows_received in {0, self.rows.row_count}
            self._note(len(self.rows.requests), self.rows.row_count)
            return 0
        assert known >= self.acknowledged_sequence, "an acknowledged batch is lost"
        assert created.rows_received == self.rows.rows_until(known), "rows lost or doubled"
        resent = min(known, self._chance.randint(0, RESENT_BATCHES))
        self.resent_batches += resent
        return known + 1 - resent

    def _note(self, sequence: int, row_count: int) -> None:
        assert sequence >= self.acknowledged_sequence
        assert row_count == self.rows.rows_until(sequence), "rows lost or doubled"
        self.acknowledged_sequence, self.acknowledged_rows = sequence, row_count
