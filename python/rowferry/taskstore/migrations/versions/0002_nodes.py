"""Where a task's rows come from, who works on it, and when the next thing happens to it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

UNFINISHED = (
    "state IN ('PROCESSING', 'QUEUED', 'SCHEDULED', 'UPLOADING')"
    " OR state = 'FAILED' AND run_at IS NOT NULL"
)
PARTIAL_INDEXES = (
    ("ix_task_unfinished", ["id"], UNFINISHED),
    ("ix_task_running", ["id"], "state IN ('PROCESSING', 'UPLOADING')"),
    ("ix_task_timed", ["run_at"], "state IN ('FAILED', 'SCHEDULED') AND run_at IS NOT NULL"),
    ("ix_task_queued_pull", ["client", "priority", "id"], "state = 'QUEUED' AND source = 'PULL'"),
    ("ix_task_with_file", ["file_expires_at"], "state = 'COMPLETED'"),
    ("ix_task_with_spool", ["spool_expires_at"], "spool_expires_at IS NOT NULL"),
    ("ix_task_without_file", ["finished_at"], "state IN ('CANCELLED', 'EXPIRED', 'FAILED')"),
)


def upgrade() -> None:
    """Add columns, indexes and the clients' shares; existing tasks are pushed, of no node."""
    for name, kind, default in (
        ("source", sa.String(8), "PUSH"),
        ("provider", sa.String(255), ""),
        ("home_node", sa.String(64), ""),
        ("home_address", sa.String(255), ""),
        ("lease_owner", sa.String(128), ""),
    ):
        op.add_column("task", sa.Column(name, kind, nullable=False, server_default=default))
    for name in (
        "lease_until",
        "run_at",
        "queued_at",
        "dispatched_at",
        "file_expires_at",
        "spool_expires_at",
    ):
        op.add_column("task", sa.Column(name, sa.BigInteger))
    op.add_column("task", sa.Column("cancel_request", sa.Text))
    op.drop_index("ix_task_unfinished", "task")
    for name, columns, condition in PARTIAL_INDEXES:
        op.create_index(name, "task", columns, sqlite_where=sa.text(condition))
    op.create_table(
        "client_share",
        sa.Column("client", sa.String(255), primary_key=True),
        sa.Column("priority_class", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("virtual_time", sa.BigInteger, nullable=False),
    )
    op.create_index(
        "ix_client_share_class_time", "client_share", ["priority_class", "virtual_time"]
    )
