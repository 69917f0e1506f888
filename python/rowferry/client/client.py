"""The client of programs on trio."""

import math
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack

import msgspec
import trio

from rowferry.client.address import Address, parse_address
from rowferry.client.connections import Connections
from rowferry.client.credentials import TOKEN_VARIABLE, sendable_token
from rowferry.client.dialing import tls_context
from rowferry.client.downloads import Downloaded, download
from rowferry.client.errors import RowferryError
from rowferry.client.export import Export, Rows, closed_behind
from rowferry.client.export_spec import ExportSpec, counted, metadata_of, row_shape
from rowferry.client.results import ExportResult, Progress, Task, result_of_task, task_of
from rowferry.client.retries import (
    FIRST_CONTACT_SECONDS,
    RETRY_FOR_SECONDS,
    Retries,
    node_after,
)
from rowferry.client.row_stream import RowStream, open_stream
from rowferry.client.service_calls import ServiceCalls
from rowferry.client.spec import Format, TaskState, moment_message
from rowferry.client.tables import Table, is_table, table_of
from rowferry.client.task_list import TaskList, list_request
from rowferry.client.task_watch import TaskWatch
from rowferry.client.threaded_batches import ThreadedBatches
from rowferry.plain_nursery import open_plain_nursery
from rowferry.v1 import export_pb2 as pb

DEFAULT_ADDRESS: Final = "127.0.0.1:9090"
_DOWNLOADS: Final = 4  # at once
_Answer = TypeVar("_Answer")


class Client:
    """Exports, and what becomes of them, while its ``async with`` block runs.

    Any number of tasks may use one client at once. A connection that breaks is made again; calls
    that meet a failure that may pass are made again too, for ``retry_for_seconds`` at most. A
    deadline is the caller's: ``trio.fail_after``.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        token: str | None = None,
        ca_file: str | None = None,
        certificate_file: str | None = None,
        key_file: str | None = None,
        connect_timeout_seconds: float = FIRST_CONTACT_SECONDS,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
    ) -> None:
        """``address`` is ``host:port``, ``http://host:port`` or, for TLS, ``https://host:port``.

        ``token`` is that of the environment (ROWFERRY_TOKEN) if it is not given. ``ca_file`` is an
        authority to trust instead of the system's, ``certificate_file`` with its ``key_file`` what
        to show (PEM); each of them means TLS. Raises ValueError for an address that is none or a
        key alone, a token that is none, and OSError for a file that can't be used.

        Nobody has to be at the address for ``connect_timeout_seconds`` of the first contact, 0 =
        one try.
        """
        self._address = parse_address(address)
        shown = os.environ.get(TOKEN_VARIABLE, "").strip() if token is None else token
        self._token = sendable_token(shown)
        self._ca_file = ca_file
        self._tls = _tls(self._address, ca_file, certificate_file, key_file)
        self._connect_timeout_seconds = connect_timeout_seconds
        self._retry_for_seconds = retry_for_seconds
        self._downloads = trio.CapacityLimiter(_DOWNLOADS)
        self._connections: Connections | None = None
        self._running: AbstractAsyncContextManager[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect; raise UnreachableError if nobody answers within ``connect_timeout_seconds``."""
        if self._running is not None:
            raise RuntimeError("A client is entered once at a time.")
        running = self._connected()
        await running.__aenter__()
        self._running = running
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        running, self._running = self._running, None
        assert running is not None  # noqa: S101  it was entered
        return await running.__aexit__(kind, error, traceback)  # noqa: ASYNC102  it has its own

    async def export(
        self,
        rows: Rows | Table,
        *,
        wait_seconds: float = math.inf,
        on_progress: Callable[[Progress], None] | None = None,
        **spec: Unpack[ExportSpec],
    ) -> ExportResult:
        """Make a file of rows and give the result.

        ``rows`` are sequences or mappings (by the columns' keys), from any iterable, which is
        drawn from as there is room. ``wait_seconds`` bounds how long the file is waited for once
        the rows have ended, 0 = not at all; the result is then the state reached. With a
        ``request_id`` that was used before, the export goes on where it stands: give the same
        rows again.

        Anything with ``__arrow_c_stream__`` (a table of pyarrow, polars, DuckDB, pandas) goes
        without an object a row, by the extra ``arrow``; its schema names the columns if
        ``columns`` does not.

        An asynchronous generator is closed when the export ends, however it does.

        Raises ExportFailedError if the task ends without a file, and RowferryError's other
        classes.
        """
        counted(rows, spec)
        if is_table(rows):
            return await self._export_table(rows, wait_seconds, on_progress, spec)
        async with closed_behind(rows), self._open(wait_seconds, on_progress, spec) as export:
            await export.write(rows)
            return await export.finish()

    def open(
        self,
        *,
        wait_seconds: float = math.inf,
        on_progress: Callable[[Progress], None] | None = None,
        **spec: Unpack[ExportSpec],
    ) -> AbstractAsyncContextManager[Export]:
        """Begin an export whose rows are written by hand; see ``export``.

        Only ``Export.finish`` ends the rows: leaving the block before leaves the task as it is,
        and the same ``request_id`` goes on with it.
        """
        return self._open(wait_seconds, on_progress, spec)

    def open_stream(
        self, wait_seconds: float, on_progress: Callable[[Progress], None] | None, spec: ExportSpec
    ) -> AbstractAsyncContextManager[RowStream]:
        """Begin an export whose batches are made by the caller: what ``open`` stands on."""
        return open_stream(
            self._connected_nodes(),
            metadata_of(spec),
            retries=Retries(self._retry_for_seconds),
            wait_seconds=wait_seconds,
            on_progress=on_progress,
        )

    async def create(
        self,
        provider: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        run_at: datetime | None = None,
        **spec: Unpack[ExportSpec],
    ) -> Task:
        """Have the service make a file of rows that its data provider has; give the new task.

        ``columns`` may be empty: the provider names them. ``run_at`` needs a timezone.
        """
        request = pb.CreateExportRequest(
            metadata=metadata_of(spec),
            provider=provider,
            parameters_json=msgspec.json.encode(parameters).decode() if parameters else "",
        )
        if run_at is not None:
            request.run_at.CopyFrom(moment_message(run_at, "run_at"))
        return task_of(await self._ask(lambda calls: calls.create(request)))

    async def status(self, task_id: str) -> Task:
        """Give a task as it is now."""
        return task_of(await self._ask(lambda calls: calls.status(task_id)))

    async def wait(
        self, task_id: str, *, on_progress: Callable[[Task], None] | None = None
    ) -> ExportResult:
        """Wait until a task has ended; raise ExportFailedError if it has no file."""
        task: Task | None = None
        async with self.watch(task_id) as states:
            async for task in states:
                if on_progress is not None:
                    on_progress(task)
        return result_of_task(task or await self.status(task_id))

    @asynccontextmanager
    async def watch(
        self, task_id: str, *, min_interval_seconds: float = 0
    ) -> AsyncIterator[TaskWatch]:
        """Follow a task: an iterator of its states that ends behind a final one.

        States come at most every ``min_interval_seconds``, 0 = 0.25.
        """
        watch = TaskWatch(
            self._connected_nodes(),
            task_id,
            min_interval_ms=round(min_interval_seconds * 1000),
            retries=Retries(self._retry_for_seconds),
        )
        try:
            yield watch
        finally:
            with trio.CancelScope(shield=True):  # closing a call waits for nothing
                await watch.aclose()

    def list(
        self,
        *,
        states: Sequence[TaskState | str] = (),
        formats: Sequence[Format | str] = (),
        filename_contains: str = "",
        owner: str = "",
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> TaskList:
        """Iterate over this client's tasks, newest first, page by page."""
        request = list_request(
            states=states,
            formats=formats,
            filename_contains=filename_contains,
            owner=owner,
            created_after=created_after,
            created_before=created_before,
        )
        return TaskList(lambda page: self._ask(lambda calls: calls.list(page)), request)

    async def cancel(self, task_id: str, reason: str = "") -> Task:
        """Cancel a task, wherever it runs."""
        return task_of(await self._ask(lambda calls: calls.cancel(task_id, reason)))

    async def retry(self, task_id: str) -> Task:
        """Try a failed task again."""
        return task_of(await self._ask(lambda calls: calls.retry(task_id)))

    async def delete(self, task_id: str) -> Task:
        """Remove an ended task's file and rows."""
        return task_of(await self._ask(lambda calls: calls.delete(task_id)))

    async def download(self, result: ExportResult | Task, path: str | os.PathLike[str]) -> Path:
        """Fetch the file into ``path``, where it appears when it is whole and its SHA-256 right.

        Raises DownloadError, UnreachableError, or OSError for a place that can't be written.
        """
        fetch = partial(
            download,
            result.link,
            Path(path),
            sha256=result.sha256,
            ca_file=self._ca_file,
            check=trio.from_thread.check_cancelled,
        )
        done: Downloaded = await trio.to_thread.run_sync(fetch, limiter=self._downloads)
        return done.path

    async def _export_table(
        self,
        table: Table,
        wait_seconds: float,
        on_progress: Callable[[Progress], None] | None,
        spec: ExportSpec,
    ) -> ExportResult:
        limiter = trio.CapacityLimiter(1)
        opened = await trio.to_thread.run_sync(table_of, table, spec, limiter=limiter)
        async with self._open(wait_seconds, on_progress, spec) as export:
            groups = opened.batches(max_message_bytes=export.max_message_bytes)
            await export.write_packed(ThreadedBatches(groups, limiter=limiter))
            return await export.finish()

    @asynccontextmanager
    async def _open(
        self, wait_seconds: float, on_progress: Callable[[Progress], None] | None, spec: ExportSpec
    ) -> AsyncIterator[Export]:
        async with self.open_stream(wait_seconds, on_progress, spec) as stream:
            yield Export(stream, row_shape(spec))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        async with open_plain_nursery() as nursery:
            self._connections = Connections(
                nursery, self._address, tls=self._tls, token=self._token
            )
            try:
                await self._connections.connect(self._connect_timeout_seconds)
                yield
            finally:
                self._connections = None
                nursery.cancel_scope.cancel()

    def _connected_nodes(self) -> Connections:
        if self._connections is None:
            raise RuntimeError("A client works inside its `async with` block.")
        self._connections.home.check()
        return self._connections

    async def _ask(self, question: Callable[[ServiceCalls], Awaitable[_Answer]]) -> _Answer:
        """Call until there is an answer that is no passing failure."""
        retries = Retries(self._retry_for_seconds)
        node = ""
        while True:
            try:
                return await question(await self._connected_nodes().calls(node))
            except RowferryError as failure:
                node = node_after(failure, node)
                await retries.pause(failure)


def _tls(
    address: Address, ca_file: str | None, certificate_file: str | None, key_file: str | None
) -> ssl.SSLContext | None:
    if key_file and not certificate_file:
        raise ValueError("A key_file needs the certificate_file that it belongs to.")
    if not (address.secure or ca_file or certificate_file):
        return None
    return tls_context(ca_file, certificate_file, key_file)
