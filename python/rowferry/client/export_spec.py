"""What can be said of an export when it begins, and the contract's message of it."""

import uuid
from collections.abc import Mapping, Sequence, Sized
from typing import Final, TypedDict

from rowferry.client.cells import RowShape
from rowferry.client.spec import (
    Column,
    ExportOptions,
    Format,
    column_messages,
    format_message,
    options_message,
)
from rowferry.v1 import export_pb2 as pb

DEFAULT_FORMAT: Final = Format.XLSX


class ExportSpec(TypedDict, total=False):
    """The keyword arguments of every call that begins an export."""

    columns: Sequence[Column | str]
    """Names, or ``Column``s, in the file's order. Only tables of Arrow bring their own."""
    format: Format | str
    """``xlsx`` (the default) or ``csv``."""
    filename: str
    """For people, as the browser shows it."""
    request_id: str
    """The same again is the same export; made up if it is not given."""
    options: ExportOptions
    expected_rows: int
    """Makes progress a percentage before the rows have ended."""
    tags: Mapping[str, str]
    """Become tags of the stored object."""
    owner: str
    """The end user behind this client, for lists."""
    priority: int
    """1 to 1000, smaller runs earlier; 100 by default."""
    retention_seconds: int
    """How long the file is kept; the service's default if it is not given."""
    callback: str
    """The name of a webhook that the service has."""


def counted(rows: object, spec: ExportSpec) -> None:
    """Say how many rows there are, where that is known and was not said."""
    # len() of a relation of DuckDB runs its query, once more than the export does.
    is_query = type(rows).__module__.partition(".")[0] == "duckdb"
    if isinstance(rows, Sized) and not is_query:
        spec.setdefault("expected_rows", len(rows))


def metadata_of(spec: ExportSpec) -> pb.ExportMetadata:
    """Build the contract's message; raise InvalidRequestError for words that it lacks."""
    file_format = spec.get("format", DEFAULT_FORMAT)
    return pb.ExportMetadata(
        request_id=spec.get("request_id") or str(uuid.uuid4()),
        format=format_message(file_format),
        filename=spec.get("filename") or f"export.{file_format.lower()}",
        columns=column_messages(spec.get("columns", ())),
        options=options_message(spec.get("options") or ExportOptions()),
        expected_rows=spec.get("expected_rows", 0),
        tags=spec.get("tags", {}),
        owner=spec.get("owner", ""),
        priority=spec.get("priority", 0),
        retention_seconds=spec.get("retention_seconds", 0),
        callback=spec.get("callback", ""),
    )


def row_shape(spec: ExportSpec) -> RowShape:
    """Tell what the export's rows have to be."""
    options = spec.get("options") or ExportOptions()
    keys = (
        column if isinstance(column, str) else column.key or column.name
        for column in spec.get("columns", ())
    )
    return RowShape(keys=tuple(keys), with_offsets=bool(options.timezone))
