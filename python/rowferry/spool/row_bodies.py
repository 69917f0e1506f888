"""Bodies of rows, cut into batches by the core."""

from typing import Final

from rowferry import _core
from rowferry.domain.spec import ExportSpec
from rowferry.ports import BodyKind, RowBody
from rowferry.spool.core_log import public_errors

GROWN_BYTES: Final = 256 << 10  # what comes of one push, beside a batch under way


class CoreBodies:
    """A ``ports.RowBodies`` on ``rowferry._core``; a message has ``max_message_bytes`` at most."""

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes

    def open(
        self, spec: ExportSpec, kind: BodyKind, *, first_sequence: int, batch_bytes: int
    ) -> RowBody:
        """Begin a body."""
        with public_errors():
            schema = _core.Schema(spec.core_document())
        body = _core.RowBody(
            schema,
            kind.value,
            first_sequence=first_sequence,
            batch_bytes=batch_bytes,
            max_message_bytes=self._max_message_bytes,
        )
        # one field, which is one byte, becomes a comma for every column
        growth = len(spec.columns) if kind is BodyKind.CSV_WITH_HEADER else 1
        return CoreBody(body, push_bytes=max(GROWN_BYTES // growth, 1))

    def csv_header(self, head: bytes) -> list[str] | None:
        """Give the fields of the first record, None if it is not whole."""
        with public_errors():
            return _core.csv_header(head)


class CoreBody:
    """A ``ports.RowBody`` on ``rowferry._core.RowBody``."""

    def __init__(self, body: _core.RowBody, *, push_bytes: int) -> None:
        self._body = body
        self.push_bytes = push_bytes

    def push(self, data: bytes) -> list[bytes]:
        """Take more of the body; give the batches that are whole."""
        with public_errors():
            return self._body.push(data)

    def finish(self) -> list[bytes]:
        """Give the rest."""
        with public_errors():
            return self._body.finish()

    @property
    def held_bytes(self) -> int:
        """Bytes taken and not given yet."""
        return self._body.held_bytes
