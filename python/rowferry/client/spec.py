"""What an export shall be: its columns, its format, its options."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from rowferry.client.errors import InvalidRequestError
from rowferry.v1 import export_pb2 as pb


class Format(StrEnum):
    """The format of the file."""

    XLSX = "xlsx"
    CSV = "csv"


class ColumnType(StrEnum):
    """What a column's values are; docs/fidelity.md says what becomes of each."""

    STRING = "string"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"


class TaskState(StrEnum):
    """What a task is doing; the last four are final."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    PROCESSING = "processing"
    UPLOADING = "uploading"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Stage(StrEnum):
    """How far the writing of a file is."""

    INITIALIZED = "initialized"
    WRITING = "writing"
    FINALIZING = "finalizing"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``name`` is its header.

    ``width`` is in characters, 0 = from the first rows. ``format`` is a display format such as
    ``0.00``. ``key`` is the column's key in rows that are mappings, its name by default.
    """

    name: str
    type: ColumnType | str = ColumnType.STRING
    width: int = 0
    format: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How the file is written; docs/fidelity.md ("Options") has the words and the defaults."""

    csv_delimiter: str = ""
    csv_encoding: str = ""
    csv_null: str = ""
    csv_rows_empty: str = ""
    excel_sheet_name: str = ""
    excel_start_row: int = 0
    compression_enabled: bool = False
    preset: str = ""
    injection_guard: str = ""
    on_bad_value: str = ""
    on_unmappable: str = ""
    on_control_character: str = ""
    row_overflow: str = ""
    timezone: str = ""


_FORMATS: Final = {Format.XLSX: pb.EXCEL, Format.CSV: pb.CSV}
_Word = TypeVar("_Word", bound=StrEnum)


def format_message(file_format: Format | str) -> pb.Format:
    """Give the contract's word for a format; raise InvalidRequestError for another word."""
    return _FORMATS[_word(Format, file_format, "format")]


def format_value(file_format: pb.Format) -> Format | None:
    """Give the format of a contract's word, None for one that this client does not know."""
    return next((known for known, number in _FORMATS.items() if number == file_format), None)


def state_message(state: TaskState | str) -> str:
    """Give the contract's word for a state; raise InvalidRequestError for another word."""
    return _word(TaskState, state, "states").name


def column_messages(columns: Sequence[Column | str]) -> list[pb.ColumnDefinition]:
    """Give the contract's columns; raise InvalidRequestError for what is none."""
    return [_column(column, index) for index, column in enumerate(columns)]


def options_message(options: ExportOptions) -> pb.FormatOptions:
    """Give the contract's options: equal names."""
    return pb.FormatOptions(
        **{field.name: getattr(options, field.name) for field in fields(options)}
    )


def moment_message(moment: datetime, field: str) -> Timestamp:
    """Give the contract's moment; raise InvalidRequestError for one without a timezone."""
    if moment.utcoffset() is None:
        expected, got = "a moment with a timezone", moment.isoformat()
        message = f"{field} is {got}, where {expected} was expected."
        context = {"field": field, "expected": expected, "got": got}
        raise InvalidRequestError("INVALID_METADATA", message, context)
    message_of_moment = Timestamp()
    message_of_moment.FromDatetime(moment)
    return message_of_moment


def _column(column: Column | str, index: int) -> pb.ColumnDefinition:
    if isinstance(column, str):
        return pb.ColumnDefinition(name=column)
    data_type = _word(ColumnType, column.type, f"columns[{index}].type")
    return pb.ColumnDefinition(
        name=column.name,
        data_type=data_type.name,
        width=column.width,
        format=column.format,
        key=column.key,
    )


def _word(words: type[_Word], given: str, field: str) -> _Word:
    try:
        return words(given.lower())
    except ValueError as exc:
        expected = ", ".join(words)
        message = f"{field} is {given!r}, where one of {expected} was expected."
        context = {"field": field, "expected": expected, "got": given[:40]}
        raise InvalidRequestError("INVALID_METADATA", message, context) from exc
