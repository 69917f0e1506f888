"""The request of an export that comes whole, in one HTTP request: from its query string.

Fields of ``ExportMetadata`` are parameters of the same name; ``columns``, ``options`` and ``tags``
are JSON. Columns that are not given are those that the CSV's first record names, all of them
texts, or of the ``column_types`` given, as ``rowferry export`` takes them.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rowferry.domain.errors import invalid_metadata
from rowferry.domain.spec import DataType, Format
from rowferry.ingest.http_create import name_request
from rowferry.ingest.http_fields import idempotency_key, query_fields, truth_field
from rowferry.ingest.http_json import decode_json, parse_message
from rowferry.ingest.http_media_types import body_format, header_kind
from rowferry.ports import BodyKind
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import Scope

EXTENSIONS: Final[Mapping[str, str]] = {"xlsx": Format.EXCEL, "csv": Format.CSV}
DEFAULT_FORMAT: Final = "xlsx"
_JSON_FIELDS: Final = ("columns", "options", "tags")
_PLAIN_FIELDS: Final = (
    "request_id",
    "filename",
    "expected_rows",
    "priority",
    "owner",
    "retention_seconds",
)
_PARAMETERS: Final = frozenset(
    {"format", "header", "column_types", "download", *_JSON_FIELDS, *_PLAIN_FIELDS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneShotRequest:
    """What was asked for; ``metadata`` lacks its columns if the body's header names them."""

    metadata: pb.ExportMetadata
    kind: BodyKind
    column_types: Sequence[str]
    wants_file: bool


def one_shot_request(scope: Scope) -> OneShotRequest:
    """Read a request; raise INVALID_METADATA, or 415 for a body of another type."""
    fields = query_fields(scope, _PARAMETERS)
    metadata = _metadata(scope, fields)
    types = _column_types(fields.get("column_types", ""))
    if types and metadata.columns:
        message = "columns have their types themselves."
        raise invalid_metadata("column_types", message, expected="columns or column_types")
    return OneShotRequest(
        metadata=metadata,
        kind=_kind(scope, fields, has_columns=bool(metadata.columns)),
        column_types=types,
        wants_file=truth_field(fields, "download"),
    )


def columns_named(names: Sequence[str], types: Sequence[str]) -> list[pb.ColumnDefinition]:
    """Give the columns that a header names; raise INVALID_METADATA if there are other types."""
    if types and len(types) != len(names):
        message = f"The header names {len(names)} columns, column_types has {len(types)} types."
        raise invalid_metadata("column_types", message, expected=len(names), got=len(types))
    named = zip(names, types or [DataType.STRING.value] * len(names), strict=True)
    return [pb.ColumnDefinition(name=name, data_type=data_type) for name, data_type in named]


def _metadata(scope: Scope, fields: Mapping[str, str]) -> pb.ExportMetadata:
    extension = fields.get("format", DEFAULT_FORMAT).lower()
    document: dict[str, Any] = {name: fields[name] for name in _PLAIN_FIELDS if name in fields}
    document |= {n: decode_json(n, fields[n]) for n in _JSON_FIELDS if fields.get(n)}
    document["columns"] = _columns(document.get("columns", []))
    document["format"] = EXTENSIONS.get(extension, extension.upper())
    document.setdefault("filename", f"export.{extension}")
    if document["format"] not in pb.Format.keys():  # noqa: SIM118  an enum's wrapper is no dict
        message = "There is no such format."
        raise invalid_metadata("format", message, expected=", ".join(EXTENSIONS), got=extension)
    metadata = parse_message(document, pb.ExportMetadata())
    name_request(metadata, idempotency_key(scope))
    metadata.request_id = metadata.request_id or uuid.uuid4().hex
    return metadata


def _columns(columns: object) -> list[object]:
    """Take a column that is a text for its name."""
    if not isinstance(columns, list):
        raise invalid_metadata("columns", "columns is a JSON array.", expected="[…]")
    return [{"name": column} if isinstance(column, str) else column for column in columns]


def _column_types(text: str) -> list[str]:
    types = [word.strip().upper() for word in text.split(",")] if text else []
    for word in types:
        if word not in set(DataType):
            message = "There is no such column type."
            raise invalid_metadata("column_types", message, expected=", ".join(DataType), got=word)
    return types


def _kind(scope: Scope, fields: Mapping[str, str], *, has_columns: bool) -> BodyKind:
    written = body_format(scope)
    is_csv = written.kind in {BodyKind.CSV, BodyKind.CSV_WITH_HEADER}
    if "header" in fields:
        if not is_csv:
            raise invalid_metadata("header", "Only CSV has a header.")
        written = header_kind(fields["header"])
    if has_columns:
        return written.kind
    if not is_csv or (written.says_header and written.kind is BodyKind.CSV):
        message = "Only the header of a CSV can name the columns: name them."
        raise invalid_metadata("columns", message, expected='[{"name": …}, …]')
    return BodyKind.CSV_WITH_HEADER
