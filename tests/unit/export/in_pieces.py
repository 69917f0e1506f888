"""A data provider for tests: it gives what a test puts in, when the test says so."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rowferry.domain.spec import Column, DataType
from rowferry.ports import Cancellation, RowBatch

PATIENCE_SECONDS: Final = 20.0  # of a provider that a broken test never feeds
COLUMNS: Final = (Column(name="id", data_type=DataType.NUMBER), Column(name="name"))


class InPieces:
    """Waits for each batch; ``stubborn`` ones do not hear that they are cancelled."""

    name = "in_pieces"
    parameter_schema: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "country": {"type": "string", "minLength": 2},
            "limit": {"type": "integer", "default": 10},
        },
        "additionalProperties": False,
    }

    def __init__(self, *, total: int | None = None, stubborn: bool = False) -> None:
        self.total = total
        self.stubborn = stubborn
        self.misses = 0  # so many cancellations come too early to end anything
        self.pieces: queue.Queue[RowBatch | Exception | None] = queue.Queue()
        self.asked_with: list[Mapping[str, Any]] = []
        self.reading = threading.Event()
        self.ended = threading.Event()
        self.cancelled = threading.Event()

    def put(self, *batches: RowBatch | Exception) -> "InPieces":
        for batch in batches:
            self.pieces.put(batch)
        return self

    def end(self) -> "InPieces":
        self.pieces.put(None)
        return self

    def columns(self, parameters: Mapping[str, Any]) -> Sequence[Column]:
        return COLUMNS

    def count(self, parameters: Mapping[str, Any], cancellation: Cancellation) -> int | None:
        return self.total

    def rows(
        self, parameters: Mapping[str, Any], cancellation: Cancellation
    ) -> Iterator[RowBatch]:
        self.asked_with.append(parameters)
        self.ended.clear()
        if not self.stubborn:
            cancellation.on_cancel(self._wake)
        self.reading.set()
        try:
            while (piece := self.pieces.get(timeout=PATIENCE_SECONDS)) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.ended.set()

    def _wake(self) -> None:
        if self.misses:
            self.misses -= 1
            return
        self.cancelled.set()
        self.pieces.put(ConnectionError("the statement was cancelled"))
