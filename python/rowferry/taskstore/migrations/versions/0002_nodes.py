"""Where a task's rows come from, who works on it, and when the next thing happens to it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns: existing tasks are pushed ones of no node."""
    for name, kind, default in (
        ("source", sa.String(8), "PUSH"),
        ("provider", sa.String(255), ""),
        ("home_node", sa.String(64), ""),
        ("home_address", sa.String(255), ""),
        ("lease_owner", sa.String(128), ""),
    ):
        op.add_column("task", sa.Column(name, kind, nullable=False, server_default=default))
    for name in ("run_at", "queued_at", "dispatched_at", "file_expires_at", "spool_expires_at"):
        op.add_column("task", sa.Column(name, sa.BigInteger))
