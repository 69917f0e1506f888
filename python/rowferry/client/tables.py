"""Which rows are a table, and what an export takes from its schema."""

from dataclasses import replace
from typing import TYPE_CHECKING

from rowferry.client.export_spec import ExportSpec
from rowferry.client.spec import ExportOptions

if TYPE_CHECKING:
    from rowferry.client.arrow_table import ArrowTable


def table_of(rows: object, spec: ExportSpec) -> "ArrowTable | None":
    """Read the schema of what has ``__arrow_c_stream__`` into ``spec``; None for other rows.

    Columns that ``spec`` has stay. Raises InvalidRequestError for columns that do not fit, and
    ModuleNotFoundError without the extra ``arrow``.
    """
    if not hasattr(rows, "__arrow_c_stream__"):
        return None
    # pyarrow is an extra, and brings 60 MB of memory.
    from rowferry.client.arrow_table import ArrowTable  # noqa: PLC0415

    options = replace(spec.get("options") or ExportOptions(), csv_rows_empty="")
    table = ArrowTable(rows, with_offsets=bool(options.timezone))
    table.check_columns(spec.setdefault("columns", table.columns))
    spec["options"] = options  # a null stays a null, whatever it said
    return table
