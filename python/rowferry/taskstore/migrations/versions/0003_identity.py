"""A name for the database itself, by which nodes tell it from another one."""

import secrets

import sqlalchemy as sa
from alembic import op

from rowferry.taskstore.migrations.steps import create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table and its one row; processes that migrate wait for one another."""
    create_table(
        "database_identity",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("identity", sa.String(32), nullable=False),
    )
    table = sa.table("database_identity", sa.column("number"), sa.column("identity"))
    connection = op.get_bind()
    if connection.execute(sa.select(table.c.number)).first() is None:
        row = {"number": 1, "identity": secrets.token_hex(16)}
        connection.execute(table.insert(), row)
