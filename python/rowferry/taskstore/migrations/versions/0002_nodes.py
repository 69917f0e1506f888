"""Where a task's rows come from, who works on it, and when the next thing happens to it."""

import sqlalchemy as sa

from rowferry.taskstore.migrations.steps import (
    EXACT,
    add_columns,
    create_index,
    create_table,
    drop_index,
)

revision = "0002"
down_revision = "0001"

TEXTS = (
    ("source", 8, "PUSH"),
    ("provider", 255, ""),
    ("home_node", 64, ""),
    ("home_address", 255, ""),
    ("lease_owner", 128, ""),
)
TIMES = (
    "lease_until",
    "run_at",
    "queued_at",
    "dispatched_at",
    "file_expires_at",
    "spool_expires_at",
)
NOT_FINAL = (
    "state IN ('PROCESSING', 'QUEUED', 'SCHEDULED', 'UPLOADING')"
    " OR state = 'FAILED' AND run_at IS NOT NULL"
)
TIMED = "state IN ('FAILED', 'SCHEDULED') AND run_at IS NOT NULL"
QUEUED_PULL = "state = 'QUEUED' AND source = 'PULL'"
WITHOUT_FILE = "state IN ('CANCELLED', 'EXPIRED', 'FAILED')"
# name, columns, condition; columns in MySQL, where one index serves the first three
INDEXES = (
    ("ix_task_not_final", ["id"], NOT_FINAL, ()),
    ("ix_task_running", ["id"], "state IN ('PROCESSING', 'UPLOADING')", ()),
    ("ix_task_timed", ["run_at"], TIMED, ("state", "run_at")),
    (
        "ix_task_queued_pull",
        ["client", "priority", "id"],
        QUEUED_PULL,
        ("state", "source", "client", "priority", "id"),
    ),
    (
        "ix_task_with_file",
        ["file_expires_at"],
        "state = 'COMPLETED'",
        ("state", "file_expires_at"),
    ),
    ("ix_task_with_spool", ["spool_expires_at"], "spool_expires_at IS NOT NULL", None),
    ("ix_task_without_file", ["finished_at"], WITHOUT_FILE, ("state", "finished_at")),
)


def upgrade() -> None:
    """Add columns, indexes and the clients' shares; existing tasks are pushed, of no node."""
    add_columns(
        "task",
        *(
            sa.Column(name, sa.String(length), nullable=False, server_default=default)
            for name, length, default in TEXTS
        ),
        *(sa.Column(name, sa.BigInteger) for name in TIMES),
        sa.Column("cancel_request", sa.Text),
    )
    drop_index("ix_task_unfinished", "task")
    for name, columns, condition, mysql_columns in INDEXES:
        create_index(name, "task", columns, where=condition, mysql_columns=mysql_columns)
    create_table(
        "client_share",
        sa.Column("client", EXACT, primary_key=True),
        sa.Column("priority_class", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("virtual_time", sa.BigInteger, nullable=False),
    )
    create_index("ix_client_share_class_time", "client_share", ["priority_class", "virtual_time"])
