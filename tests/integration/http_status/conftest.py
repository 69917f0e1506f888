"""A status port on a real socket, with one finished export behind it."""

import hashlib
import http.client
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import trio

from rowferry.access.everybody import Everybody
from rowferry.domain.events import Event
from rowferry.domain.naming import content_disposition
from rowferry.domain.spec import Format
from rowferry.domain.storage_fault import StorageFault
from rowferry.domain.task import Task, TaskState, task_not_found
from rowferry.domain.view import TaskView
from rowferry.ports import NewObject, Storages, StoredObject, TaskQuery
from rowferry.status.downloads import Downloads
from rowferry.status.http_api import api_methods, status_api
from rowferry.status.http_links import LinkSealer
from rowferry.storage.local_disk import LocalDiskStorage
from rowferry.wire.asgi import AsgiApp
from rowferry.wire.asgi_routes import Route, Routes
from rowferry.wire.http_server import serve_http

FILENAME = "\u62a5\u8868 2026.csv"
BODY = bytes(range(256)) * 4 * 1024 + b"the end"  # a little over four blocks
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TASK = Task(
    id="0190a0b0c0d07000800000000000000f",
    client="default",
    request_id="r-1",
    request_hash="",
    format=Format.CSV,
    filename=FILENAME,
    created_at=NOW,
    state=TaskState.COMPLETED,
    attempt=1,
    storage="local",
    object_key="0190a0b0c0d07000800000000000000f/1.csv",
    file_bytes=len(BODY),
    sha256=hashlib.sha256(BODY).hexdigest(),
    link_expires_at=NOW + timedelta(days=7),
)


@dataclass
class Recorder:
    """An observer that keeps what it is told."""

    events: list[Event] = field(default_factory=list)
    told: trio.Event = field(default_factory=trio.Event)

    def observe(self, event: Event) -> None:
        self.events.append(event)
        self.told.set()


@dataclass
class Tasks:
    """The tasks there are, for queries and downloads alike."""

    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    asked: list[TaskQuery] = field(default_factory=list)
    done: list[tuple[str, ...]] = field(default_factory=list)
    broken: bool = False

    def put(self, task: Task) -> None:
        self.tasks[task.client, task.id] = task

    async def get(self, client: str, task_id: str) -> Task | None:
        await trio.lowlevel.checkpoint()
        if self.broken:
            raise RuntimeError("secret detail")
        return self.tasks.get((client, task_id))

    async def status(self, client: str, task_id: str) -> TaskView:
        task = await self.get(client, task_id)
        if task is None:
            raise task_not_found(task_id)
        return TaskView(task=task)

    async def cancel(self, client: str, task_id: str, reason: str) -> TaskView:
        self.done.append(("cancel", client, task_id, reason))
        return await self.status(client, task_id)

    async def retry(self, client: str, task_id: str) -> TaskView:
        self.done.append(("retry", client, task_id))
        return await self.status(client, task_id)

    async def delete(self, client: str, task_id: str) -> TaskView:
        self.done.append(("delete", client, task_id))
        return await self.status(client, task_id)

    async def list(self, client: str, query: TaskQuery) -> tuple[Sequence[TaskView], str]:
        await trio.lowlevel.checkpoint()
        self.asked.append(query)
        found = [task for task in self.tasks.values() if task.client == client]
        return [TaskView(task=task) for task in found], "next"


class AddressedStorage(LocalDiskStorage):
    """Files on this disk, which seem to have an address elsewhere once one is set."""

    address: str | None = None
    refusal: StorageFault | None = None

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.asked_seconds: list[int] = []

    def signed_url(  # type: ignore[override]  # the disk has none
        self,
        stored: StoredObject,
        expires_in_seconds: int,
    ) -> str | None:
        if self.refusal is not None:
            raise self.refusal
        if self.address is not None:
            self.asked_seconds.append(expires_in_seconds)
        return self.address


@dataclass
class Reply:
    """An answer as an independent client read it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Port:
    """The running status port, and everything behind it."""

    tasks: Tasks
    storage: AddressedStorage
    links: LinkSealer
    observer: Recorder
    proxy_downloads: bool = False
    now: datetime = NOW
    host: str = ""
    port: int = 0
    shutdown: trio.Event = field(default_factory=trio.Event)
    served: trio.Event = field(default_factory=trio.Event)

    def path(self, task: Task = TASK) -> str:
        return self.links.url(task).removeprefix("http://files.example")

    async def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Reply:
        return await trio.to_thread.run_sync(self._ask, path, headers or {}, method, body)

    def _ask(
        self, path: str, headers: Mapping[str, str], method: str, body: bytes | None
    ) -> Reply:
        with connection_to(self) as connection:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, fields, answer.read())


@contextmanager
def connection_to(port: Port) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(port.host, port.port, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture
def tasks() -> Tasks:
    tasks = Tasks()
    tasks.put(TASK)
    return tasks


@pytest.fixture
def storage(tmp_path: Path) -> AddressedStorage:
    storage = AddressedStorage(tmp_path / "objects")
    finished = tmp_path / "finished"
    finished.write_bytes(BODY)
    new = NewObject(
        key=TASK.object_key,
        content_type="text/csv; charset=utf-8",
        content_disposition=content_disposition(FILENAME),
    )
    storage.put(str(finished), new)
    return storage


@pytest.fixture
def proxy_downloads() -> bool:
    return False


@pytest.fixture
async def port(
    tasks: Tasks,
    storage: AddressedStorage,
    nursery: trio.Nursery,
    *,
    proxy_downloads: bool,
) -> AsyncIterator[Port]:
    links = LinkSealer([b"a secret of some length"], "http://files.example")
    port = Port(
        tasks=tasks,
        storage=storage,
        links=links,
        observer=Recorder(),
        proxy_downloads=proxy_downloads,
    )
    await start(port, nursery)
    yield port
    port.shutdown.set()


async def start(port: Port, nursery: trio.Nursery, grace_seconds: float = 0.05) -> None:
    async def serve(task_status: trio.TaskStatus[tuple[str, int]]) -> None:
        api = status_api(port.tasks, port.tasks, port.observer)
        downloads = Route(method="*", path="/d/*", app=downloads_of(port), is_public=True)
        application = Routes(
            Everybody(),
            routes=(downloads,),
            websockets={},
            fallback=cast("AsgiApp", api),
            fallback_methods=api_methods(api),
        )
        await serve_http(
            application,
            "127.0.0.1",
            0,
            shutdown=port.shutdown,
            grace_seconds=grace_seconds,
            task_status=task_status,
        )
        port.served.set()

    port.host, port.port = await nursery.start(serve)


def downloads_of(port: Port) -> Downloads:
    return Downloads(
        clients=Everybody(),
        tasks=port.tasks,
        storages=Storages(primary="local", by_name={"local": port.storage}),
        links=port.links,
        clock=lambda: port.now,
        observer=port.observer,
        threads=trio.CapacityLimiter(2),
        proxy_downloads=port.proxy_downloads,
    )
