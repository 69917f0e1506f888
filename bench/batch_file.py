"""Tables as files of batches, made once and kept.

Every measured program reads them, in whatever language it is: ``frames.py`` says how they look.
"""

import csv
import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Final

from bench.frames import HEAD, Columns, columns_path, write_columns
from bench.shapes import ORDERS, Row, Shape
from rowferry.v1.export_pb2 import RecordBatch
from tests.record_batches import encode_csv, encode_rows

_FOLDER: Final = Path(__file__).parent / ".data"
_JSON_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def batch_file(
    row_count: int, batch_rows: int, *, shape: Shape = ORDERS, encoding: str = "records"
) -> Path:
    """Give the file of a table's first rows, making it on the first call.

    Its messages are what a client sends, numbered from 1: ``records``, ``json_rows`` or
    ``csv_rows``.
    """
    path = _FOLDER / f"{shape.name}-{row_count}x{batch_rows}.{encoding}.batches"
    if not path.exists():
        _FOLDER.mkdir(exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        write_batches(unfinished, row_count, batch_rows, shape, encoding)
        columns_path(unfinished).rename(columns_path(path))
        unfinished.rename(path)
    return path


def write_batches(
    path: Path, row_count: int, batch_rows: int, shape: Shape, encoding: str
) -> None:
    """Write a file of batches."""
    encode = _ENCODERS[encoding]
    with path.open("wb") as file:
        for sequence, first in enumerate(range(1, row_count + 1, batch_rows), 1):
            numbers = range(first, min(first + batch_rows, row_count + 1))
            message = encode([shape.row(number) for number in numbers], shape.columns, sequence)
            file.write(HEAD.pack(len(message), len(numbers)) + message)
    write_columns(path, shape.columns)


def _records(rows: list[Row], _columns: Columns, sequence: int) -> bytes:
    return encode_rows(rows, sequence)


def _json_rows(rows: list[Row], columns: Columns, sequence: int) -> bytes:
    """Encode numbers and truth values as what they are, digits as they came."""
    kinds = [kind for _, kind in columns]
    cells = (",".join(map(_json_cell, row, kinds)) for row in rows)
    text = f"[{','.join(f'[{row}]' for row in cells)}]"
    batch = RecordBatch(json_rows=text.encode(), batch_sequence=sequence)
    return batch.SerializeToString()


def _json_cell(cell: str | None, kind: str) -> str:
    if cell is not None and (
        kind == "BOOLEAN" or (kind == "NUMBER" and _JSON_NUMBER.fullmatch(cell))
    ):
        return cell
    return json.dumps(cell, ensure_ascii=False)


def _csv_rows(rows: list[Row], _columns: Columns, sequence: int) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return encode_csv(text.getvalue().encode(), sequence)


_Encoder = Callable[[list[Row], Columns, int], bytes]
_ENCODERS: Final[dict[str, _Encoder]] = {
    "records": _records,
    "json_rows": _json_rows,
    "csv_rows": _csv_rows,
}
