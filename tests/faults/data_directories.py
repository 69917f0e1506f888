"""The service's folder as an earlier life left it, and what may be in it when all is over."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import insert

from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Column, ExportSpec, Format, Sheet
from rowferry.domain.task import Task, TaskState
from rowferry.export.storage_sweep import OWNER_NAME
from rowferry.spool.database_record import RECORD_NAME
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.schema import upgrade
from rowferry.taskstore.tables import task_payload_table, task_table
from rowferry.taskstore.task_rows import row_of

_DOCUMENT: Final = ExportSpec(
    request_id="earlier",
    format=Format.CSV,
    filename="earlier",
    sheets=(Sheet(name="Sheet1", columns=(Column(name="Name"),)),),
).document()


def make_data_directory(path: Path, finished_tasks: int) -> Path:
    """Make a data directory whose task store has finished tasks of an earlier life."""
    path.mkdir()
    url = f"sqlite:///{path / 'rowferry.db'}"
    upgrade(url)
    _fill(url, [finished_task(number) for number in range(finished_tasks)])
    return path


def _fill(url: str, tasks: Sequence[Task]) -> None:
    """Put tasks into a database, all at once: a thousand commits take a disk ten seconds."""
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(task_table), [row_of(task) for task in tasks])
        payloads = [{"task_id": task.id, "document": _DOCUMENT} for task in tasks]
        connection.execute(insert(task_payload_table), payloads)
    engine.dispose()


def finished_task(number: int) -> Task:
    """Make a task that was completed some minutes ago; ``number`` makes it another one."""
    then = datetime.now(UTC) - timedelta(minutes=10)
    task = Task(
        id=make_task_id(int(then.timestamp() * 1000) + number, os.urandom(10)),
        client="default",
        request_id=f"earlier {number}",
        request_hash=f"{number:064x}",
        format=Format.CSV,
        filename="earlier",
        created_at=then,
    )
    return replace(
        task,
        state=TaskState.COMPLETED,
        attempt=1,
        rows_ended=True,
        storage="local",
        object_key=f"exports/{task.id}/1.csv",
        sha256=f"{number:064x}",
        started_at=then,
        finished_at=then,
        link_expires_at=then + timedelta(days=7),
    )


def left_overs(data_directory: Path) -> list[Path]:
    """Name the logs, temporary files and half-stored objects that are there: none should be."""
    logs = (path for path in (data_directory / "spool").rglob("*") if path.name != RECORD_NAME)
    temporary = (data_directory / "temporary").rglob("*")
    arriving = (data_directory / "files").rglob(".arriving-*")
    return sorted([*logs, *temporary, *arriving])


def stored_files(data_directory: Path) -> list[Path]:
    """Name the objects in the storage of the embedded default."""
    return objects_in(data_directory / "files")


def objects_in(storage: Path) -> list[Path]:
    """Name the exported files in a local storage."""
    files = (path for path in storage.rglob("*") if path.is_file() and path.name != OWNER_NAME)
    return sorted(path for path in files if not path.name.startswith("."))
