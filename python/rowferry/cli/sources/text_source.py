"""CSV and NDJSON: the core cuts what is read at ends of rows, nobody looks at a cell."""

import codecs
import json
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from rowferry._core import CoreError, RowBody, Schema, csv_header
from rowferry.cli.outcome import CommandError, usage_error
from rowferry.cli.sources.form import InputForm, InputOptions
from rowferry.cli.sources.input_file import InputFile
from rowferry.cli.sources.transcoding import Transcoder
from rowferry.client import Column, ColumnType, InvalidRowError
from rowferry.client.errors import refusal
from rowferry.client.packing import BATCH_BYTES, PackedRows

MAX_HEAD_BYTES: Final = 8 * 2**20
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_Kind = Literal["csv", "csv-header", "ndjson"]


class TextSource:
    """The rows of a text. Making one reads until the columns are known."""

    expected_rows = 0

    def __init__(self, file: InputFile, options: InputOptions) -> None:
        """Raise CommandError for an input whose columns can't be told."""
        self._file = file
        self._options = options
        self._transcoder = (
            None if options.is_plain else Transcoder(options.encoding, options.delimiter)
        )
        self._head = b""
        self._at_end = False
        self.columns: Final[Sequence[Column]] = self._find_columns()

    def groups(self, *, max_message_bytes: int) -> Iterator[Sequence[PackedRows]]:
        """Read on and give batches; raise InvalidRowError, with line or row."""
        body = RowBody(
            _schema(self.columns),
            self._kind,
            first_sequence=0,
            batch_bytes=BATCH_BYTES,
            max_message_bytes=max_message_bytes,
        )
        try:
            yield _packed(body.push(self._head))
            while not self._at_end:
                yield _packed(body.push(self._read()))
            yield _packed(body.finish())
        except CoreError as exc:
            raise refusal(exc.code, exc.message, exc.context) from exc

    @property
    def _kind(self) -> _Kind:
        if self._options.form == InputForm.NDJSON:
            return "ndjson"
        return "csv-header" if self._options.has_header else "csv"

    def _read(self) -> bytes:
        try:
            piece = self._file.read()
        except OSError as exc:
            message = f"{self._file.name} can't be read on: {exc.strerror or exc}"
            raise InvalidRowError("INVALID_ROW", message) from exc
        self._at_end = not piece
        return piece if self._transcoder is None else self._transcoder.feed(piece)

    def _find_columns(self) -> Sequence[Column]:
        names = self._options.columns
        if self._options.form == InputForm.NDJSON:
            return [Column(name) for name in names] or _first_object(self._first_line())
        if names:
            return [Column(name) for name in names]
        if not self._options.has_header:
            raise usage_error("--no-header needs --columns, which name the columns.")
        return [Column(name) for name in self._header()]

    def _header(self) -> Sequence[str]:
        try:
            while (names := csv_header(self._head)) is None and self._read_head():
                pass
            names = names or csv_header(self._head + b"\n")
        except CoreError as exc:
            raise usage_error(f"The input has no header: {exc.message}") from exc
        if not names and self._head.strip():
            raise usage_error("The input has no header: a quote is open until its end.")
        if not names:
            raise usage_error("The input is empty: its first line names the columns.")
        return names

    def _first_line(self) -> bytes:
        while True:
            lines = self._head.removeprefix(_BYTE_ORDER_MARK).splitlines(keepends=True)
            for line in lines:
                if line.strip() and (self._at_end or line.endswith(b"\n")):
                    return line
            if not self._read_head():
                raise usage_error("The input is empty: its first object names the columns.")

    def _read_head(self) -> bool:
        if self._at_end:
            return False
        self._head += self._read()
        if self._head.startswith(_UTF_16_MARKS):
            raise usage_error("The input is UTF-16 by its first bytes: give --encoding utf-16.")
        if len(self._head) > MAX_HEAD_BYTES:
            raise usage_error(f"The first row has not ended within {MAX_HEAD_BYTES} bytes.")
        return True


def _first_object(line: bytes) -> Sequence[Column]:
    """Name the columns as the first row's keys, and type them as its values."""
    try:
        row = json.loads(line)
    except UnicodeDecodeError as exc:
        raise usage_error(f"The first row is no UTF-8: {exc.reason}.") from exc
    except json.JSONDecodeError as exc:
        raise _no_json(exc) from exc
    if not isinstance(row, dict) or not row:
        raise usage_error("The first row is no object that names columns: give --columns.")
    return [Column(name, _type_of(value)) for name, value in row.items()]


def _no_json(failure: json.JSONDecodeError) -> CommandError:
    return usage_error(f"The first row is no JSON, at column {failure.colno}: {failure.msg}.")


def _type_of(value: object) -> ColumnType:
    if isinstance(value, bool):
        return ColumnType.BOOLEAN
    return ColumnType.NUMBER if isinstance(value, int | float) else ColumnType.STRING


def _schema(columns: Sequence[Column]) -> Schema:
    """Tell the core the columns; nothing else of the file matters to where rows end."""
    specified = [{"name": column.name, "data_type": "STRING"} for column in columns]
    sheets = [{"name": "Sheet1", "columns": specified}]
    return Schema(msgspec.json.encode({"format": "CSV", "sheets": sheets, "options": {}}))


def _packed(messages: Sequence[bytes]) -> list[PackedRows]:
    return [PackedRows(encoded=message, rows=None) for message in messages]
