"""What no task has recorded goes from the storages: at the start, and every hour.

Uploads in parts that a crash left cost money and are in no listing of objects; objects without a
task would stay for ever. A storage belongs to one database: an object that holds the database's
identity says so, and under another one nothing is ever removed.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.domain.task import Task
from rowferry.export.storage_calls import StorageCalls
from rowferry.ports import (
    ListedObject,
    NewObject,
    ObjectStorage,
    Observer,
    Storages,
    TaskStore,
    Upload,
)

_T = TypeVar("_T")
SWEEP_SECONDS: Final = 3600.0
PAGE: Final = 500
OWNER_NAME: Final = "database-id"
IDENTITY_MAX_BYTES: Final = 100
# What a storage's clock may differ by: they refuse requests beyond it themselves.
CLOCK_SKEW: Final = timedelta(minutes=15)


class StorageSweep:
    """Removes orphans; whatever is younger than a lease may belong to a run under way."""

    def __init__(
        self,
        *,
        store: TaskStore,
        storages: Storages,
        prefix: str,
        calls: StorageCalls,
        observer: Observer,
        lease_seconds: float,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._storages = storages
        self._prefix = prefix
        self._calls = calls
        self._observer = observer
        self._grace = timedelta(seconds=lease_seconds) + CLOCK_SKEW
        self._now = now

    async def run(self) -> None:
        """Sweep until cancelled; a sweep that fails is reported and tried again."""
        while True:
            await self.sweep()
            await trio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Look through every storage once."""
        for name, storage in self._storages.by_name.items():
            try:
                await self._sweep(name, storage)
            except RowferryError as error:
                self._observer.observe(
                    events.StorageAlert(
                        kind="sweep",
                        storage_code=getattr(error, "reason", ""),
                        message=error.message,
                    )
                )
            except Exception as error:  # noqa: BLE001  a sweep is no reason for the service to end
                self._observer.observe(events.SystemError(error=error, where="sweep"))

    async def _sweep(self, name: str, storage: ObjectStorage) -> None:
        await self._require_own(storage)
        if storage.multipart is not None:
            uploads = storage.multipart.uploads(self._prefix)
            await self._each_page(uploads, partial(self._abort_orphans, name, storage))
        objects = storage.objects(self._prefix)
        await self._each_page(objects, partial(self._delete_orphans, name, storage))

    async def _each_page(
        self, listing: Iterator[_T], work: Callable[[Sequence[_T]], Awaitable[None]]
    ) -> None:
        while page := await self._calls.once(lambda: list(islice(listing, PAGE))):
            await work(page)

    async def _abort_orphans(
        self, name: str, storage: ObjectStorage, uploads: Sequence[Upload]
    ) -> None:
        multipart = storage.multipart
        assert multipart is not None  # noqa: S101  it listed them
        old = [each for each in uploads if self._is_old(each.started_at)]
        tasks = await self._tasks_of([each.key for each in old])
        for upload in old:
            task = tasks.get(_task_id(upload.key))
            # an upload that became its task's file is none any more
            awaited = task is not None and not task.has_file
            recorded = awaited and task and (task.storage, task.object_key, task.upload_id)
            if is_task_id(_task_id(upload.key)) and recorded != (
                name,
                upload.key,
                upload.upload_id,
            ):
                await self._calls.run("abort", partial(multipart.abort, upload))
                self._report(name, upload.key, "upload")

    async def _delete_orphans(
        self, name: str, storage: ObjectStorage, objects: Sequence[ListedObject]
    ) -> None:
        old = [each for each in objects if self._is_old(each.modified_at)]
        tasks = await self._tasks_of([each.key for each in old])
        for listed in old:
            task = tasks.get(_task_id(listed.key))
            recorded = task and (task.storage, task.object_key)
            if is_task_id(_task_id(listed.key)) and recorded != (name, listed.key):
                await self._calls.run("delete", partial(storage.delete, listed.key))
                self._report(name, listed.key, "object")

    def _is_old(self, time: datetime | None) -> bool:
        return time is not None and time < self._now() - self._grace

    async def _tasks_of(self, keys: Sequence[str]) -> Mapping[str, Task]:
        return await self._store.find(sorted({_task_id(key) for key in keys}))

    def _report(self, name: str, key: str, kind: str) -> None:
        self._observer.observe(events.OrphanRemoved(storage=name, object_key=key, kind=kind))

    async def _require_own(self, storage: ObjectStorage) -> None:
        """Raise unless the storage is this database's; make it so if it is nobody's."""
        identity = await self._store.identity()
        owner = await self._owner(storage)
        if owner is None:
            await self._calls.run("put", partial(_put_owner, storage, self._owner_key, identity))
            owner = await self._owner(storage)
        if owner != identity:
            message = (
                f"The storage is of the task database {owner}, not of {identity}:"
                f" nothing is removed from it. {self._owner_key} says so."
            )
            raise StorageFault(FaultKind.REFUSED, message)

    @property
    def _owner_key(self) -> str:
        return "/".join(filter(None, (self._prefix, OWNER_NAME)))

    async def _owner(self, storage: ObjectStorage) -> str | None:
        def read() -> str:
            stream = storage.open_range(self._owner_key, 0)
            try:
                return stream.read(IDENTITY_MAX_BYTES).decode(errors="replace").strip()
            finally:
                stream.close()

        try:
            return await self._calls.run("get", read)
        except RowferryError as error:
            if error.code is ErrorCode.NOT_FOUND:
                return None
            raise


def _put_owner(storage: ObjectStorage, key: str, identity: str) -> None:
    new = NewObject(key=key, content_type="text/plain", content_disposition="inline")
    with TemporaryDirectory(prefix="rowferry-") as folder:
        path = Path(folder) / OWNER_NAME
        path.write_text(f"{identity}\n")
        try:
            storage.put(str(path), new)
        except StorageFault as fault:
            if fault.kind is not FaultKind.ALREADY_THERE:  # else another node was faster
                raise


def _task_id(key: str) -> str:
    """Give the part of a key that names its task: the folder that the object is in."""
    return key.rpartition("/")[0].rpartition("/")[2]
