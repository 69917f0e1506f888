"""The version of the database's schema, and how to bring it up to the code's.

A database knows its revision from the table ``alembic_version``, so only ``upgrade`` of an older
one needs Alembic: a service whose schema is current never imports it. All functions block.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.taskstore.addresses import unusable_address
from rowferry.taskstore.database import open_engine, require_supported_server
from rowferry.taskstore.failures import Failure, database_errors, judged

# oldest first, as in migrations/versions
REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005")
HEAD: Final = REVISIONS[-1]
_REFUSALS: Final = {
    Failure.DENIED: ("authentication failed", "a user and a password that the database accepts"),
    Failure.UNTRUSTED: (
        "a server whose certificate is not of it, or not for this host",
        "the authority that signed the database server's certificate",
    ),
}


def needs_upgrade(url: str) -> bool:
    """Tell whether the database is empty or older than the code; makes the file if there is none.

    Raises INTERNAL if it is newer, ConfigError for an address or a server that can't be used,
    DATABASE_UNAVAILABLE for one that does not answer.
    """
    engine = open_engine(url)
    try:
        with database_errors(), _refusals(), engine.connect() as connection:
            require_supported_server(connection)
            return _revision(connection) != HEAD
    finally:
        engine.dispose()


@contextmanager
def _refusals() -> Iterator[None]:
    """Say of a server that lets nobody in by this address that the address is wrong."""
    try:
        yield
    except SQLAlchemyError as error:
        failure = judged(error)
        if failure in _REFUSALS:
            got, expected = _REFUSALS[failure]
            raise unusable_address(got, expected) from None
        raise


def upgrade(url: str) -> None:
    """Bring the database to the code's schema; a current one is left alone.

    All of it or nothing is done, but in MySQL, where what is done stays and the next call does the
    rest. Several processes may do it at once: one does, the others wait for it. Raises like
    ``needs_upgrade``.
    """
    if not needs_upgrade(url):
        return
    from rowferry.taskstore.migrating import migrating  # noqa: PLC0415
    from rowferry.taskstore.migrations import run  # noqa: PLC0415  imports Alembic

    with database_errors(), migrating(url) as connection:
        run.upgrade(connection)


def require_current(connection: Connection) -> None:
    """Raise INTERNAL unless the database's schema is the code's."""
    revision = _revision(connection)
    if revision != HEAD:
        message = "The task database has an older schema: run `rowferry migrate`."
        raise _wrong_schema(message, revision or "none")


def _revision(connection: Connection) -> str | None:
    """Read the revision; None of an empty database, INTERNAL for one the code does not know."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if revision not in {None, *REVISIONS}:
        message = "The task database was made by a newer release of Rowferry, which it needs."
        raise _wrong_schema(message, str(revision))
    return revision


def _wrong_schema(message: str, found: str) -> RowferryError:
    return RowferryError(ErrorCode.INTERNAL, message, {"expected": HEAD, "got": found})
