"""The tables of tasks. Types are those that SQLite, PostgreSQL and MySQL have alike.

Times are whole microseconds since 1970, UTC. The row that every change of state writes is small:
the request lies in a table of its own, and state and stage are two columns, so that a change of
stage touches no index. Nor does a heartbeat: ``lease_until`` is in none.

Indexes are partial: a task is only in those that say what is to be done about it. A query uses
one for the very condition of the index, in words, not with parameters: hence the texts below.
MySQL has no partial indexes and gets plain ones that begin with the state.
"""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import VARBINARY, TypeEngine

NOT_FINAL: Final = (
    "state IN ('PROCESSING', 'QUEUED', 'SCHEDULED', 'UPLOADING')"
    " OR state = 'FAILED' AND run_at IS NOT NULL"
)
RUNNING: Final = "state IN ('PROCESSING', 'UPLOADING')"
TIMED: Final = "state IN ('FAILED', 'SCHEDULED') AND run_at IS NOT NULL"
QUEUED_PULL: Final = "state = 'QUEUED' AND source = 'PULL'"
WITH_FILE: Final = "state = 'COMPLETED'"
WITH_SPOOL: Final = "spool_expires_at IS NOT NULL"
WITHOUT_FILE: Final = "state IN ('CANCELLED', 'EXPIRED', 'FAILED')"

metadata: Final = MetaData()
_EMPTY: Final = text("''")  # as databases show it: Alembic takes a plain "" for a difference


class ExactText(TypeDecorator[str]):
    """Text of which every byte counts when it is compared; ``length`` is in bytes of UTF-8.

    MySQL and MariaDB have no collation in common that minds blanks at the end.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length: Final = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Make it bytes in MySQL."""
        is_mysql = dialect.name == "mysql"
        return dialect.type_descriptor((VARBINARY if is_mysql else String)(self.length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401
        """Encode what goes to MySQL."""
        return value.encode() if value is not None and dialect.name == "mysql" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002
        """Decode what comes from MySQL."""
        return value.decode() if isinstance(value, bytes) else value


def _partial(name: str, columns: tuple[str, ...], condition: str) -> Index:
    # Only SQLite's condition: naming another dialect's option imports that dialect.
    return Index(name, *columns, sqlite_where=text(condition))


task_table: Final = Table(
    "task",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("client", ExactText(255), nullable=False),
    Column("request_id", ExactText(255), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("format", String(16), nullable=False),
    Column("filename", String(255), nullable=False),
    # The name as it is searched; folding a letter's case can make three of one.
    Column("filename_folded", String(765), nullable=False),
    Column("owner", ExactText(255), nullable=False),
    Column("source", String(8), nullable=False, server_default="PUSH"),
    Column("provider", String(255), nullable=False, server_default=_EMPTY),
    Column("home_node", String(64), nullable=False, server_default=_EMPTY),
    Column("home_address", String(255), nullable=False, server_default=_EMPTY),
    Column("state", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_owner", String(128), nullable=False, server_default=_EMPTY),
    Column("lease_until", BigInteger),  # by the database's clock; NULL = nobody works on it
    Column("expected_rows", BigInteger, nullable=False),
    Column("rows_received", BigInteger, nullable=False),
    Column("rows_written", BigInteger, nullable=False),
    Column("rows_ended", Boolean, nullable=False),
    Column("error_code", String(64), nullable=False),
    Column("error_message", Text, nullable=False),
    Column("error_context", JSON, nullable=False),
    Column("cancel_reason", Text, nullable=False),
    Column("cancel_request", Text),  # the reason of a wish that the lease's owner has to hear of
    Column("storage", String(16), nullable=False, server_default=_EMPTY),
    Column("object_key", String(1024), nullable=False),
    Column("upload_id", String(255), nullable=False, server_default=_EMPTY),
    Column("object_crc64", String(16), nullable=False, server_default=_EMPTY),
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
    _partial("ix_task_not_final", ("id",), NOT_FINAL),
    _partial("ix_task_running", ("id",), RUNNING),
    _partial("ix_task_timed", ("run_at",), TIMED),
    _partial("ix_task_queued_pull", ("client", "priority", "id"), QUEUED_PULL),
    _partial("ix_task_with_file", ("file_expires_at",), WITH_FILE),
    _partial("ix_task_with_spool", ("spool_expires_at",), WITH_SPOOL),
    _partial("ix_task_without_file", ("finished_at",), WITHOUT_FILE),
)

task_payload_table: Final = Table(
    "task_payload",
    metadata,
    Column("task_id", String(32), ForeignKey("task.id", ondelete="CASCADE"), primary_key=True),
    Column("document", JSON, nullable=False),
)

# One row, made with the table and never changed: it tells this database from any other.
database_identity_table: Final = Table(
    "database_identity",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("identity", String(32), nullable=False),
)

# What each client got of the pulled tasks of a priority class: see domain/fairness.py.
client_share_table: Final = Table(
    "client_share",
    metadata,
    Column("client", ExactText(255), primary_key=True),
    Column("priority_class", Integer, primary_key=True, autoincrement=False),
    Column("virtual_time", BigInteger, nullable=False),
    Index("ix_client_share_class_time", "priority_class", "virtual_time"),
)

# What each client sent on a UTC day, as each node counted it: see usage.py.
client_usage_table: Final = Table(
    "client_usage",
    metadata,
    Column("client", ExactText(255), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("rows_received", BigInteger, nullable=False),
    Column("bytes_received", BigInteger, nullable=False),
)
