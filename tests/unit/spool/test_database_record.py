"""A folder of logs is held to the database that knows their tasks."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Format
from rowferry.domain.task import Task
from rowferry.spool.database_record import (
    RECORD_NAME,
    OtherDatabaseError,
    require_same_database,
)
from rowferry.taskstore.memory import MemoryTaskStore

PLACE = "sqlite:////somewhere/rowferry.db"
TASK = Task(
    id=make_task_id(1, b"0123456789"),
    client="shop",
    request_id="request",
    request_hash="ab" * 32,
    format=Format.CSV,
    filename="orders",
    created_at=datetime(2025, 1, 2, tzinfo=UTC),
)
OTHER_TASK = replace(TASK, id=make_task_id(2, b"0123456789"))


def _recorded(folder: Path) -> list[str]:
    """Give what is recorded, from the only file that may be there."""
    paths = list(folder.iterdir())
    assert {path.name for path in paths} <= {RECORD_NAME}
    return [path.read_text().strip() for path in paths]


async def test_empty_folder_becomes_the_first_database_s(tmp_path: Path) -> None:
    store = MemoryTaskStore()
    await require_same_database(tmp_path, [], store, PLACE)
    assert _recorded(tmp_path) == [await store.identity()]


async def test_logs_of_the_recorded_database_are_its_whatever_it_knows(tmp_path: Path) -> None:
    store = MemoryTaskStore()
    await require_same_database(tmp_path, [], store, PLACE)
    await require_same_database(tmp_path, [TASK.id], store, PLACE)


async def test_another_database_is_refused_with_both_named(tmp_path: Path) -> None:
    store, other = MemoryTaskStore(), MemoryTaskStore()
    await require_same_database(tmp_path, [], store, PLACE)
    with pytest.raises(OtherDatabaseError) as caught:
        await require_same_database(tmp_path, [], other, PLACE)
    for told in (await store.identity(), await other.identity(), str(tmp_path), PLACE):
        assert told in str(caught.value)
    assert _recorded(tmp_path) == [await store.identity()]


async def test_logs_without_a_record_are_those_of_a_database_that_knows_one(
    tmp_path: Path,
) -> None:
    store = MemoryTaskStore()
    await store.create(TASK, {})
    await require_same_database(tmp_path, [OTHER_TASK.id, TASK.id], store, PLACE)
    assert _recorded(tmp_path) == [await store.identity()]


async def test_logs_without_a_record_that_the_database_does_not_know_are_refused(
    tmp_path: Path,
) -> None:
    store = MemoryTaskStore()
    await store.create(TASK, {})
    with pytest.raises(OtherDatabaseError, match="knows none of them"):
        await require_same_database(tmp_path, [OTHER_TASK.id], store, PLACE)
    assert _recorded(tmp_path) == []
