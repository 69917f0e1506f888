"""The tables of tasks. Types are those that SQLite, PostgreSQL and MySQL have alike.

Times are whole microseconds since 1970, UTC. The row that every change of state writes is small:
the request lies in a table of its own, and state and stage are two columns, so that a change of
stage touches no index.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.sql.elements import TextClause

from rowferry.domain.task import UNFINISHED

metadata: Final = MetaData()


def is_unfinished() -> TextClause:
    """Give the condition of the partial index: SQLite uses it for this very text only."""
    states = ", ".join(f"'{state}'" for state in sorted(UNFINISHED))
    return text(f"state IN ({states})")


task_table: Final = Table(
    "task",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("client", String(255), nullable=False),
    Column("request_id", String(255), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("format", String(16), nullable=False),
    Column("filename", String(255), nullable=False),
    # The name as it is searched; folding a letter's case can make three of one.
    Column("filename_folded", String(765), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("source", String(8), nullable=False, server_default="PUSH"),
    Column("provider", String(255), nullable=False, server_default=""),
    Column("home_node", String(64), nullable=False, server_default=""),
    Column("home_address", String(255), nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_owner", String(128), nullable=False, server_default=""),
    Column("expected_rows", BigInteger, nullable=False),
    Column("rows_received", BigInteger, nullable=False),
    Column("rows_written", BigInteger, nullable=False),
    Column("rows_ended", Boolean, nullable=False),
    Column("error_code", String(64), nullable=False),
    Column("error_message", Text, nullable=False),
    Column("error_context", JSON, nullable=False),
    Column("cancel_reason", Text, nullable=False),
    Column("object_key", String(1024), nullable=False),
    Column("file_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("fidelity", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("run_at", BigInteger),
    Column("queued_at", BigInteger),
    Column("dispatched_at", BigInteger),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("link_expires_at", BigInteger),
    Column("file_expires_at", BigInteger),
    Column("spool_expires_at", BigInteger),
    UniqueConstraint("client", "request_id", name="uq_task_client_request_id"),
    Index("ix_task_client_id", "client", "id"),
    Index("ix_task_client_state_id", "client", "state", "id"),
    # Only SQLite's condition: naming another dialect's option imports that dialect.
    Index("ix_task_unfinished", "id", sqlite_where=is_unfinished()),
)

task_payload_table: Final = Table(
    "task_payload",
    metadata,
    Column("task_id", String(32), ForeignKey("task.id", ondelete="CASCADE"), primary_key=True),
    Column("document", JSON, nullable=False),
)
