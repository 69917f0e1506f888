"""Tasks and their requests."""

import sqlalchemy as sa

from rowferry.taskstore.migrations.steps import EXACT, create_index, create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first two tables."""
    create_table(
        "task",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("client", EXACT, nullable=False),
        sa.Column("request_id", EXACT, nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("filename_folded", sa.String(765), nullable=False),
        sa.Column("owner", EXACT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("expected_rows", sa.BigInteger, nullable=False),
        sa.Column("rows_received", sa.BigInteger, nullable=False),
        sa.Column("rows_written", sa.BigInteger, nullable=False),
        sa.Column("rows_ended", sa.Boolean, nullable=False),
        sa.Column("error_code", sa.String(64), nullable=False),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("error_context", sa.JSON, nullable=False),
        sa.Column("cancel_reason", sa.Text, nullable=False),
        sa.Column("object_key", sa.String(1024), nullable=False),
        sa.Column("file_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("fidelity", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("link_expires_at", sa.BigInteger),
        sa.UniqueConstraint("client", "request_id", name="uq_task_client_request_id"),
    )
    create_index("ix_task_client_id", "task", ["client", "id"])
    create_index("ix_task_client_state_id", "task", ["client", "state", "id"])
    unfinished = "state IN ('PROCESSING', 'QUEUED', 'SCHEDULED', 'UPLOADING')"
    create_index("ix_task_unfinished", "task", ["id"], where=unfinished, mysql_columns=())
    create_table(
        "task_payload",
        sa.Column(
            "task_id",
            sa.String(32),
            sa.ForeignKey("task.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("document", sa.JSON, nullable=False),
    )
