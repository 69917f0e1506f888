"""Steps of migrations, which in MySQL can be done again: one that is done already does nothing.

MySQL commits each change of a schema by itself, so a migration that was killed is half done.
Elsewhere it is one transaction, and what is there already is somebody else's.
"""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

# Text whose every byte counts, see tables.ExactText; the length is in bytes.
EXACT: Final = sa.String(255).with_variant(sa.VARBINARY(255), "mysql")
_MYSQL_TABLE: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_default_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def create_table(name: str, *parts: Any) -> None:  # noqa: ANN401  columns and constraints
    """Make a table whose texts are told apart letter by letter."""
    if not (_may_be_half_done() and sa.inspect(op.get_bind()).has_table(name)):
        op.create_table(name, *parts, **_MYSQL_TABLE)


def add_columns(table: str, *columns: sa.Column[Any]) -> None:
    """Add those columns that the table lacks."""
    found = sa.inspect(op.get_bind()).get_columns(table) if _may_be_half_done() else []
    names = {column["name"] for column in found}
    for column in columns:
        if column.name not in names:
            op.add_column(table, column)


def create_index(
    name: str,
    table: str,
    columns: Sequence[str],
    *,
    where: str | None = None,
    mysql_columns: Sequence[str] | None = None,
) -> None:
    """Make an index, partial with ``where``.

    MySQL has no partial indexes: ``mysql_columns`` are those of one that does the same for it, ()
    if another index does.
    """
    if _may_be_half_done():
        columns = columns if mysql_columns is None else mysql_columns
        columns = () if name in _indexes(table) else columns
    if columns:
        condition = None if where is None else sa.text(where)
        op.create_index(
            name, table, list(columns), sqlite_where=condition, postgresql_where=condition
        )


def drop_index(name: str, table: str) -> None:
    """Remove an index."""
    if not _may_be_half_done() or name in _indexes(table):
        op.drop_index(name, table)


def _may_be_half_done() -> bool:
    return op.get_bind().dialect.name == "mysql"


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
