"""Downloads whose storage fails in the middle."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trio

from rowferry.access.everybody import Everybody
from rowferry.domain.events import FileDownloaded, StorageAlert
from rowferry.domain.spec import Format
from rowferry.domain.task import Task, TaskState
from rowferry.ports import NewObject, Storages, StoredObject
from rowferry.status.downloads import Downloads
from rowferry.status.http_links import LINK_PATH, LinkSealer
from rowferry.storage.memory import MemoryStorage
from tests.unit.export.in_memory import EventNotes

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


class ShortStorage(MemoryStorage):
    """Tells of more bytes than it gives."""

    def head(self, key: str) -> StoredObject | None:
        found = super().head(key)
        return found and replace(found, size_bytes=found.size_bytes + 1)


class OneTask:
    def __init__(self, task: Task) -> None:
        self.task = task

    async def get(self, client: str, task_id: str) -> Task | None:
        await trio.lowlevel.checkpoint()
        return self.task if (client, task_id) == (self.task.client, self.task.id) else None


async def test_file_that_breaks_off_is_a_failure_of_the_storage_not_of_the_service(
    tmp_path: Path,
) -> None:
    storage, events = ShortStorage(), EventNotes()
    source = tmp_path / "source"
    source.write_bytes(b"a file")
    key = f"exports/{7:032x}/1.csv"
    storage.put(str(source), NewObject(key=key, content_type="", content_disposition=""))
    task = Task(
        id=f"{7:032x}",
        client="shop",
        request_id="request",
        request_hash="",
        format=Format.CSV,
        filename="orders",
        created_at=NOW,
        state=TaskState.COMPLETED,
        attempt=1,
        storage="local",
        object_key=key,
        link_expires_at=NOW + timedelta(hours=1),
    )
    links = LinkSealer([b"a secret of the tests"], "http://files.example")
    downloads = Downloads(
        clients=Everybody(),
        tasks=OneTask(task),
        storages=Storages(primary="local", by_name={"local": storage}),
        links=links,
        clock=lambda: NOW,
        observer=events,
        threads=trio.CapacityLimiter(1),
    )
    path = LINK_PATH + links.url(task).rpartition("/")[2]
    sent = await _get(downloads, path)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert [type(event) for event in events.all] == [FileDownloaded, StorageAlert]


async def _get(app: Callable[..., object], path: str) -> list[dict[str, object]]:
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        await trio.lowlevel.checkpoint()
        sent.append(message)

    async def receive() -> dict[str, object]:
        await trio.sleep_forever()
        raise AssertionError

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    await app(scope, receive, send)  # type: ignore[misc]
    return sent
