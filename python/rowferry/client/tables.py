"""Which rows are a table, and what an export takes from its schema."""

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from rowferry.client.export_spec import ExportSpec
from rowferry.client.spec import ExportOptions

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from rowferry.client.arrow_table import ArrowTable


class Table(Protocol):
    """What has the Arrow PyCapsule interface (arrow.apache.org, "Arrow PyCapsule Interface")."""

    def __arrow_c_stream__(self, requested_schema: object | None = None, /) -> object:
        """Give a capsule with a stream of record batches."""


def is_table(rows: object) -> "TypeIs[Table]":
    """Tell a table from rows one by one."""
    return hasattr(rows, "__arrow_c_stream__")


def table_of(table: Table, spec: ExportSpec) -> "ArrowTable":
    """Open a table and put its columns into ``spec``, if that has none. It may take a while.

    Raises InvalidRequestError for columns that do not fit, and ModuleNotFoundError without the
    extra ``arrow``.
    """
    # pyarrow is an extra, and brings 60 MB of memory.
    from rowferry.client.arrow_table import ArrowTable  # noqa: PLC0415

    options = replace(spec.get("options") or ExportOptions(), csv_rows_empty="")
    opened = ArrowTable(table, with_offsets=bool(options.timezone))
    opened.check_columns(spec.setdefault("columns", opened.columns))
    spec["options"] = options  # a null stays a null, whatever it said
    return opened
