"""What each client sent on a day, as each node counted it."""

import sqlalchemy as sa

from rowferry.taskstore.migrations.steps import EXACT, create_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table; what was sent before is nobody's."""
    create_table(
        "client_usage",
        sa.Column("client", EXACT, primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("node", sa.String(64), primary_key=True),
        sa.Column("rows_received", sa.BigInteger, nullable=False),
        sa.Column("bytes_received", sa.BigInteger, nullable=False),
    )
