"""A folder of logs belongs to one database, which knows their tasks: it says so in a file.

Without it, a service that is started with the wrong address would find an empty database, and
rows of which no task is known.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import trio

from rowferry.durable_files import sync_folder, write_durably
from rowferry.ports import TaskStore

RECORD_NAME: Final = "database-id"
_REMEDY: Final = (
    "Nothing was touched. Let task_store.url name the database that has the tasks of these rows;"
    " or, to go on with this one, move the folder away (rows in it that no file was made of are"
    " then lost to it)."
)


class OtherDatabaseError(Exception):
    """The rows in the spool are of tasks of another database."""


async def require_same_database(
    folder: Path, task_ids: Collection[str], store: TaskStore, place: str
) -> None:
    """Hold the folder of these tasks' logs to its database; record it at the first time.

    A folder of an earlier release has no record: it is taken for the database's if it is empty or
    the database knows any of its tasks. ``place`` says where the database is. Raises
    OtherDatabaseError, and OSError for a record that can't be read or written.
    """
    identity = await store.identity()
    limiter = trio.CapacityLimiter(1)
    recorded = await trio.to_thread.run_sync(recorded_identity, folder, limiter=limiter)
    if recorded == identity:
        return
    if recorded:
        message = (
            f"the rows in {folder} belong to the task database {recorded},"
            f" and the one at {place} is {identity}. {_REMEDY}"
        )
        raise OtherDatabaseError(message)
    if task_ids and not await _knows_any(store, task_ids):
        message = (
            f"there are rows of {len(task_ids)} tasks in {folder}, and the task database"
            f" {identity} at {place} knows none of them. {_REMEDY}"
        )
        raise OtherDatabaseError(message)
    await trio.to_thread.run_sync(_record, folder, identity, limiter=limiter)


async def _knows_any(store: TaskStore, task_ids: Collection[str]) -> bool:
    for task_id in task_ids:
        if await store.load(task_id) is not None:
            return True
    return False


def recorded_identity(folder: Path) -> str:
    """Give the database that a folder's logs belong to; "" if it does not say. Blocking."""
    try:
        return (folder / RECORD_NAME).read_text().strip()
    except FileNotFoundError:
        return ""


def _record(folder: Path, identity: str) -> None:
    """Write the record whole or not at all, and on disk before there is a log beside it."""
    arriving = folder / f".{RECORD_NAME}"
    write_durably(arriving, f"{identity}\n".encode())
    arriving.rename(folder / RECORD_NAME)
    sync_folder(folder)
