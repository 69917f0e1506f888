"""One run of the use cases over in-memory adapters that can be held up and made to fail."""

import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.access.everybody import Everybody
from rowferry.composition import Adapters, Exports, Limiters, assemble
from rowferry.config import Config
from rowferry.config_groups import Concurrency, Performance, Retention, Retry, Spool, Storage
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import Event
from rowferry.domain.node import Node
from rowferry.domain.spec import Column, DataType, ExportSpec, Format, Sheet
from rowferry.domain.task import Task
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.session import PushSession
from rowferry.export.signal import Signal
from rowferry.ports import (
    BatchMessage,
    FileChecksums,
    FileDigest,
    FileSummary,
    NewObject,
    RowWriter,
    Storages,
    Written,
)
from rowferry.providers.registry import ProviderRegistry
from rowferry.spool.memory import MemorySpool
from rowferry.spool.row_bodies import CoreBodies
from rowferry.status.http_links import LinkSealer
from rowferry.storage.memory import MemoryStorage
from rowferry.taskqueue.memory import MemoryTaskQueue
from rowferry.taskstore.memory import MemoryTaskStore
from rowferry.writers.registry import WriterRegistry, core_formats
from tests.record_batches import Row, encode_rows

CLIENT: Final = "shop"
TWO_COLUMNS: Final = ExportSpec(
    request_id="request",
    format=Format.CSV,
    filename="orders",
    sheets=(
        Sheet(
            name="Sheet1",
            columns=(Column(name="id", data_type=DataType.NUMBER), Column(name="name")),
        ),
    ),
)
MAX_MESSAGE_BYTES: Final = 1 << 20
GATE_SECONDS: Final = 20.0  # a thread behind a gate that a broken test never opens
AnyEvent = TypeVar("AnyEvent", bound=Event)


class EventNotes:
    """An observer that keeps every event, and lets tests wait for one."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self._arrived = Signal()

    def observe(self, event: Event) -> None:
        self.all.append(event)
        self._arrived.notify()

    def of(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        return [event for event in self.all if isinstance(event, kind)]

    async def wait_for(self, kind: type[Event], count: int = 1) -> None:
        await self._arrived.wait_for(lambda: len(self.of(kind)) >= count)


class Gate:
    """Holds worker threads up, while it is closed, and tells when one came."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._reached = threading.Event()

    def close(self) -> None:
        self._open.clear()
        self._reached.clear()

    def open(self) -> None:
        self._open.set()

    def pass_through(self) -> None:
        self._reached.set()
        if not self._open.wait(GATE_SECONDS):
            raise TimeoutError

    async def reached(self) -> None:
        limiter = trio.CapacityLimiter(1)
        await trio.to_thread.run_sync(self._reached.wait, GATE_SECONDS, limiter=limiter)


class WatchedWriter:
    """A writer that stops at a gate, and fails on demand."""

    def __init__(self, inner: RowWriter, writers: "WatchedWriters") -> None:
        self._inner = inner
        self._writers = writers

    def write(self, frames: bytes) -> Written:
        self._writers.gate.pass_through()
        if self._writers.failure is not None:
            raise self._writers.failure
        return self._inner.write(frames)

    def finish(self) -> FileSummary:
        return self._inner.finish()

    def close(self) -> None:
        self._inner.close()


class WatchedDigest:
    """A digest that stops at a gate, and fails on demand."""

    def __init__(self, inner: FileDigest, writers: "WatchedWriters") -> None:
        self._inner = inner
        self._writers = writers

    def advance(self, max_bytes: int) -> FileChecksums | None:
        self._writers.digest_gate.pass_through()
        if self._writers.digest_failure is not None:
            raise self._writers.digest_failure
        return self._inner.advance(max_bytes)


class WatchedWriters(WriterRegistry):
    """The real formats, whose writers and digests can be held up and made to fail."""

    def __init__(self) -> None:
        super().__init__(core_formats(encoder_threads=1))
        self.gate = Gate()
        self.digest_gate = Gate()
        self.digest_failure: Exception | None = None
        self.failure: Exception | None = None
        self.opened: list[str] = []

    def open(self, spec: ExportSpec, path: str) -> RowWriter:
        self.opened.append(spec.request_id)
        return WatchedWriter(super().open(spec, path), self)

    def open_digest(self, path: str) -> FileDigest:
        return WatchedDigest(super().open_digest(path), self)


class WatchedStorage(MemoryStorage):
    """Storage that can be held up, refuse a file, or lose it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()
        self.refuses = False
        self.loses = False

    def put(self, path: str, new: NewObject) -> None:
        self.gate.pass_through()
        if self.refuses:
            raise RowferryError(ErrorCode.STORAGE_UNAVAILABLE, "The storage is away.")
        super().put(path, new)
        if self.loses:
            super().delete(new.key)

    def keys(self) -> list[str]:
        return list(self._objects)

    def content(self, key: str) -> bytes:
        return self.open_range(key, 0).read()


class Site:
    """One run of the service's use cases; ``restarted`` is the next run, over the same adapters.

    Each kind of thread is one thread, so that ``settled`` can wait for it.
    """

    def __init__(self, config: Config, adapters: Adapters, events: EventNotes) -> None:
        self.config = config
        self.adapters = adapters
        self.events = events
        self.live_tasks = LiveTasks()
        self.limiters = Limiters(
            spool_threads=trio.CapacityLimiter(1),
            sync_threads=trio.CapacityLimiter(1),
            writer_threads=trio.CapacityLimiter(1),
            upload_threads=trio.CapacityLimiter(1),
            download_threads=trio.CapacityLimiter(1),
            provider_threads=trio.CapacityLimiter(1),
            provider_call_threads=trio.CapacityLimiter(1),
        )
        self.exports: Exports = assemble(config, adapters, self.limiters, self.live_tasks)

    def restarted(self) -> "Site":
        return Site(self.config, replace(self.adapters, queue=MemoryTaskQueue()), self.events)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[trio.Nursery]:
        """Run what runs beside the doors; at the end of the block the service stops."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.exports.dispatcher.run)
            nursery.start_soon(self.exports.deadlines.run)
            nursery.start_soon(self.exports.leases.run)
            nursery.start_soon(self.exports.scheduler.run)
            yield nursery
            nursery.cancel_scope.cancel()

    async def settled(self) -> None:
        """Wait until nobody has anything to do but wait for a client or the clock."""
        limiters = [getattr(self.limiters, name) for name in Limiters.__dataclass_fields__]
        while True:
            await wait_all_tasks_blocked()
            busy = [limiter for limiter in limiters if limiter.borrowed_tokens]
            if not busy:
                return
            async with busy[0]:
                pass

    async def open(self, spec: ExportSpec, client: str = CLIENT) -> PushSession:
        """Take a request in whose rows are still to come."""
        admission = await self.exports.intake.open(client, spec)
        assert admission.session is not None
        return admission.session

    async def push(self, spec: ExportSpec, *batches: list[Row], client: str = CLIENT) -> LiveTask:
        """Take a request in with all its rows."""
        session = await self.open(spec, client)
        with session, session.scope:  # which a task that fails at once cancels
            if batches:
                await session.append(numbered(batches))
            await session.end(0)
        return session.live

    async def push_to_failure(
        self, spec: ExportSpec, rows: list[Row], error: RowferryError, client: str = CLIENT
    ) -> LiveTask:
        """Take a request in whose writer fails, and goes on failing, once all rows are there."""
        self.writers.gate.close()  # else the failure may break the stream off before its end
        self.writers.failure = error
        live = await self.push(spec, rows, client=client)
        self.writers.gate.open()
        return live

    async def task(self, live: LiveTask) -> Task:
        """Give a task as the store has it."""
        task = await self.adapters.store.get(live.task.client, live.task.id)
        assert task is not None
        return task

    async def ended(self, live: LiveTask) -> Task:
        """Wait until a task has ended and its remains are gone."""
        await live.ended.wait()
        return await self.task(live)

    @property
    def storage(self) -> WatchedStorage:
        storage = self.adapters.storages.main
        assert isinstance(storage, WatchedStorage)
        return storage

    @property
    def writers(self) -> WatchedWriters:
        assert isinstance(self.adapters.writers, WatchedWriters)
        return self.adapters.writers

    def temporary_files(self) -> list[str]:
        return [path.name for path in self.config.temp_directory.rglob("*")]

    def remains(self) -> list[str]:
        """Name everything temporary there is: files, logs, objects, tasks at work."""
        live = [task.task.id for task in self.live_tasks]
        return [
            *self.temporary_files(),
            *self.adapters.spool.task_ids(),
            *self.storage.keys(),
            *live,
        ]


def numbered(batches: Iterable[list[Row]], start: int = 1) -> list[BatchMessage]:
    """Encode batches of rows, numbered one after the other."""
    return [(encode_rows(rows, number), 0) for number, rows in enumerate(batches, start)]


def in_memory_adapters(events: EventNotes) -> Adapters:
    return Adapters(
        store=MemoryTaskStore(),
        queue=MemoryTaskQueue(),
        spool=MemorySpool(),
        bodies=CoreBodies(MAX_MESSAGE_BYTES),
        writers=WatchedWriters(),
        storages=Storages(primary="local", by_name={"local": WatchedStorage()}),
        providers=ProviderRegistry(),
        links=LinkSealer([b"a secret of the tests"], "http://files.example"),
        observer=events,
        node=Node(id="here", process="1"),
        doorkeeper=Everybody(),
        client_rules=Everybody(),
    )


def small_config(folder: Path) -> Config:
    """A service with one slot, where every failure is final and leaves nothing."""
    return Config(
        retry=Retry(max_attempts=1),
        retention=Retention(failed_spool_seconds=0),
        concurrency=Concurrency(max_concurrent_tasks=1, task_queue_size=2),
        performance=Performance(write_timeout_seconds=0),  # the tests' clock jumps over threads
        spool=Spool(max_lag_bytes=2**20, resume_window_seconds=60),
        storage=Storage(temp_directory=str(folder / "temporary")),
    )


def with_settings(config: Config, **groups: dict[str, object]) -> Config:
    """Change some settings of some groups."""
    changed = {
        name: msgspec.structs.replace(getattr(config, name), **settings)
        for name, settings in groups.items()
    }
    return msgspec.structs.replace(config, **changed)
