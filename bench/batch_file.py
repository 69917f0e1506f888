"""The data set as files of batches, made once and kept."""

from pathlib import Path
from typing import Final

from bench.dataset import rows
from bench.frames import HEAD
from rowferry.client.batches import row_batches

_FOLDER: Final = Path(__file__).parent / ".data"


def batch_file(row_count: int, batch_rows: int) -> Path:
    """Give the file of the data set's first rows, making it on the first call.

    Its messages are what a client sends: ``records``, numbered from 1.
    """
    path = _FOLDER / f"{row_count}x{batch_rows}.batches"
    if not path.exists():
        _FOLDER.mkdir(exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        _write(unfinished, row_count, batch_rows)
        unfinished.rename(path)
    return path


def _write(path: Path, row_count: int, batch_rows: int) -> None:
    remaining = row_count
    with path.open("wb") as file:
        for message in row_batches(rows(row_count), batch_rows=batch_rows):
            count = min(batch_rows, remaining)
            remaining -= count
            file.write(HEAD.pack(len(message), count) + message)
