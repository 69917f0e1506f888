"""What a client asks for: the columns, the format and its options.

``document()`` is the one JSON form of a request. It is what the store keeps, what the core reads
and what the request's hash is taken of; its names are the contract's
(``proto/rowferry/v1/export.proto``).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from rowferry.domain.errors import invalid_metadata
from rowferry.domain.naming import check_filename, holds_controls

MAX_COLUMNS: Final = 16_384  # Excel's columns a sheet
MAX_START_ROW: Final = 1_048_575  # the header's row; one row must be left for data
MAX_COLUMN_FORMAT_CHARS: Final = 255
MAX_REQUEST_ID_BYTES: Final = 255
MAX_OWNER_BYTES: Final = 255
MAX_TAGS: Final = 5
MAX_TAG_KEY_CHARS: Final = 128
MAX_TAG_VALUE_CHARS: Final = 256
DEFAULT_SHEET_NAME: Final = "Sheet1"
DEFAULT_PRIORITY: Final = 100
MAX_PRIORITY: Final = 1_000
MAX_RETENTION_SECONDS: Final = 3650 * 86_400
# Measured, with the core's share: a column has 390 bytes whose name has 11 letters.
_COLUMN_BYTES: Final = 300
_LETTER_BYTES: Final = 8
_TAG_CHARS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-=._:/"
)


class Format(StrEnum):
    """A file format, by its name in the contract."""

    EXCEL = "EXCEL"
    CSV = "CSV"


class DataType(StrEnum):
    """What the values of a column are, by its name in the contract."""

    STRING = "STRING"
    NUMBER = "NUMBER"
    DATE = "DATE"
    BOOLEAN = "BOOLEAN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: header text, type, width in characters (0 = from the rows), display format."""

    name: str
    data_type: DataType = DataType.STRING
    width: int = 0
    format: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The columns of one sheet; a CSV file is one sheet whose name is not written."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatOptions:
    """The options as the client sent them; empty means the default, of the preset if there is one.

    The core resolves and checks them: it alone knows what it can write.
    """

    csv_delimiter: str = ""
    csv_encoding: str = ""
    excel_start_row: int = 0
    compression_enabled: bool = False
    preset: str = ""
    csv_null: str = ""
    injection_guard: str = ""
    on_bad_value: str = ""
    on_unmappable: str = ""
    on_control_character: str = ""
    row_overflow: str = ""
    timezone: str = ""
    csv_rows_empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSpec:
    """A request for one file.

    ``expected_rows`` 0 = unknown; ``wait_seconds`` 0 = answer at a final state, -1 = at once;
    ``priority`` smaller runs earlier; ``retention_seconds`` 0 = the service's default.
    """

    request_id: str
    format: Format
    filename: str
    sheets: tuple[Sheet, ...]
    options: FormatOptions = field(default_factory=FormatOptions)
    expected_rows: int = 0
    ack_every: int = 1
    priority: int = DEFAULT_PRIORITY
    tags: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: int = 0
    owner: str = ""
    provider: str = ""  # whom the rows are pulled from; "" = the client pushes them
    parameters: Mapping[str, Any] = field(default_factory=dict)
    retention_seconds: int = 0

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the first sheet."""
        return self.sheets[0].columns

    @property
    def resident_bytes(self) -> int:
        """About what the columns take of the memory while their export is not over."""
        letters = sum(len(each.name) + len(each.key) + len(each.format) for each in self.columns)
        return _COLUMN_BYTES * len(self.columns) + _LETTER_BYTES * letters

    def document(self) -> dict[str, Any]:
        """Give the JSON form of the request."""
        document = asdict(self)
        document["tags"] = dict(self.tags)
        document["parameters"] = dict(self.parameters)
        document["sheets"] = [asdict(sheet) for sheet in self.sheets]
        for sheet in document["sheets"]:
            sheet["columns"] = list(sheet["columns"])
        return document

    def core_document(self) -> bytes:
        """Give the part of the request that decides the file, as JSON for the core."""
        document = self.document()
        parts = {k: document[k] for k in ("format", "sheets", "options")}
        return json.dumps(parts, ensure_ascii=False).encode()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ExportSpec":
        """Read back what ``document()`` gave, as the store kept it."""
        known = {f.name for f in fields(cls)}
        values = {k: v for k, v in document.items() if k in known}
        values["format"] = Format(values["format"])
        values["options"] = FormatOptions(**values["options"])
        values["sheets"] = tuple(_sheet_from(sheet) for sheet in values["sheets"])
        return cls(**values)

    def request_hash(self) -> str:
        """Give the SHA-256 (hex) that tells whether the same request came again.

        It covers what decides the file; hints such as ``expected_rows``, ``ack_every``,
        ``priority`` and ``wait_seconds`` may differ from one try to the next. Empty options are
        left out, so that the hash outlives a release that adds one.
        """
        document = self.document()
        same = {k: document[k] for k in ("format", "filename", "sheets", "options", "tags")}
        if self.provider:
            same |= {k: document[k] for k in ("provider", "parameters")}
        same["options"] = _without_empty(same["options"])
        for sheet in same["sheets"]:
            sheet["columns"] = [_without_empty(column) for column in sheet["columns"]]
        text = json.dumps(same, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self) -> None:
        """Raise INVALID_METADATA for the first rule the request breaks.

        Format options and column formats are the writers' to check.
        """
        _check_identifier("request_id", self.request_id, MAX_REQUEST_ID_BYTES, required=True)
        _check_identifier("owner", self.owner, MAX_OWNER_BYTES, required=False)
        check_filename(self.filename)
        _check_columns(self.columns)
        _check_start_row(self.options.excel_start_row)
        _check_tags(self.tags)
        _check_numbers(self)


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _sheet_from(document: Mapping[str, Any]) -> Sheet:
    columns = tuple(
        Column(**{**column, "data_type": DataType(column["data_type"])})
        for column in document["columns"]
    )
    return Sheet(name=document["name"], columns=columns)


def _check_identifier(name: str, value: str, limit: int, *, required: bool) -> None:
    if required and not value:
        raise invalid_metadata(name, f"{name} is required.")
    if holds_controls(value):
        raise invalid_metadata(name, f"{name} holds control or bidi characters.")
    length = len(value.encode())
    if length > limit:
        message = f"{name} is longer than {limit} bytes of UTF-8."
        raise invalid_metadata(name, message, expected=f"<= {limit} bytes", got=f"{length} bytes")


def _check_columns(columns: tuple[Column, ...]) -> None:
    if not 1 <= len(columns) <= MAX_COLUMNS:
        message = f"An export has 1 to {MAX_COLUMNS} columns."
        raise invalid_metadata("columns", message, expected=f"1..{MAX_COLUMNS}", got=len(columns))
    for index, column in enumerate(columns):
        if len(column.format) > MAX_COLUMN_FORMAT_CHARS:
            message = f"A column's format has at most {MAX_COLUMN_FORMAT_CHARS} characters."
            raise invalid_metadata(
                f"columns[{index}].format",
                message,
                expected=f"<= {MAX_COLUMN_FORMAT_CHARS}",
                got=len(column.format),
            )


def _check_start_row(start_row: int) -> None:
    if not 0 <= start_row <= MAX_START_ROW:
        message = f"The header's row lies between 1 and {MAX_START_ROW}."
        raise invalid_metadata(
            "options.excel_start_row", message, expected=f"0..{MAX_START_ROW}", got=start_row
        )


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        message = f"An export has at most {MAX_TAGS} tags."
        raise invalid_metadata("tags", message, expected=f"<= {MAX_TAGS}", got=len(tags))
    for key, value in tags.items():
        _check_tag_text(key, MAX_TAG_KEY_CHARS, "key", required=True)
        _check_tag_text(value, MAX_TAG_VALUE_CHARS, "value", required=False)


def _check_tag_text(text: str, limit: int, part: str, *, required: bool) -> None:
    if len(text) > limit or (required and not text):
        message = f"A tag's {part} has {int(required)} to {limit} characters."
        raise invalid_metadata("tags", message, expected=f"<= {limit}", got=len(text))
    if not _TAG_CHARS.issuperset(text):
        message = f"A tag's {part} is made of letters, digits, blanks and + - = . _ : / only."
        raise invalid_metadata("tags", message, got=text)


def _check_numbers(spec: ExportSpec) -> None:
    bounds = {
        "expected_rows": (spec.expected_rows, 0, 2**63 - 1),
        "ack_every": (spec.ack_every, 1, 2**31 - 1),
        "priority": (spec.priority, 1, MAX_PRIORITY),
        "wait_seconds": (spec.wait_seconds, -1, 2**31 - 1),
        "retention_seconds": (spec.retention_seconds, 0, MAX_RETENTION_SECONDS),
    }
    for name, (value, low, high) in bounds.items():
        if not low <= value <= high:
            message = f"{name} lies between {low} and {high}."
            raise invalid_metadata(name, message, expected=f"{low}..{high}", got=value)
