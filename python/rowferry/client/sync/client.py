"""The client of programs without trio."""

import math
import os
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self, TypeVar, Unpack

from rowferry import client as trio_client
from rowferry.client.client import DEFAULT_ADDRESS
from rowferry.client.export_spec import ExportSpec, counted, row_shape
from rowferry.client.results import ExportResult, Progress, Task, result_of_task
from rowferry.client.retries import FIRST_CONTACT_SECONDS, RETRY_FOR_SECONDS
from rowferry.client.spec import Format, TaskState
from rowferry.client.sync.export import Export
from rowferry.client.sync.newest import Newest
from rowferry.client.sync.trio_thread import Held, TrioThread
from rowferry.client.tables import Table, is_table, table_of
from rowferry.client.task_list import TaskList
from rowferry.client.task_watch import TaskWatch

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """What a client has once it was used: a thread, and the client that lives in it."""

    thread: TrioThread
    client: trio_client.Client


class Client:
    """As ``rowferry.client.Client``, and blocking.

    It connects with the first call, or with its ``with`` block, and works until ``close``. One
    client serves all threads of a process. A process that was forked makes a connection of its
    own; exports that were open stay with the parent.
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
        timeout_seconds: float = math.inf,
    ) -> None:
        """Take what ``rowferry.client.Client`` takes.

        ``timeout_seconds`` bounds each call but those that wait for a file, which have their own;
        what takes longer raises DeadlineExceededError.
        """
        self._make: Final = partial(
            trio_client.Client,
            address,
            token=token,
            ca_file=ca_file,
            certificate_file=certificate_file,
            key_file=key_file,
            connect_timeout_seconds=connect_timeout_seconds,
            retry_for_seconds=retry_for_seconds,
        )
        self._make()  # arguments that can't be used are told here
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._closer: weakref.finalize[..., Client] | None = None
        _clients.add(self)

    def __enter__(self) -> Self:
        """Connect; raise UnreachableError if nobody answers within ``connect_timeout_seconds``."""
        self._run(self._timeout_seconds)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; exports that are open stay open at the service to be resumed."""
        with self._lock:
            self._running = None
            if self._closer is not None:
                self._closer()

    def export(
        self,
        rows: Iterable[Any] | Table,
        *,
        wait_seconds: float = math.inf,
        timeout_seconds: float = math.inf,
        on_progress: Callable[[Progress], None] | None = None,
        **spec: Unpack[ExportSpec],
    ) -> ExportResult:
        """Make a file of rows and give the result; as ``rowferry.client.Client.export``.

        ``timeout_seconds`` bounds all of it, from the first row to the result.
        """
        counted(rows, spec)
        opened = partial(
            self.open,
            wait_seconds=wait_seconds,
            timeout_seconds=timeout_seconds,
            on_progress=on_progress,
        )
        if is_table(rows):
            table = table_of(rows, spec)
            with opened(**spec) as export:
                groups = table.batches(max_message_bytes=export.max_message_bytes)
                export.write_packed(chain.from_iterable(groups))
                return export.finish()
        with opened(**spec) as export:
            export.write(rows)
            return export.finish()

    @contextmanager
    def open(
        self,
        *,
        wait_seconds: float = math.inf,
        timeout_seconds: float = math.inf,
        on_progress: Callable[[Progress], None] | None = None,
        **spec: Unpack[ExportSpec],
    ) -> Iterator[Export]:
        """Begin an export whose rows are written by hand; as ``rowferry.client.Client.open``."""
        deadline = time.monotonic() + timeout_seconds
        running = self._run(timeout_seconds)
        news: Newest[Progress] = Newest()
        tell = news.tell if on_progress is not None else None
        held = Held(
            running.thread,
            lambda: running.client.open_stream(wait_seconds, tell, spec),
            deadline - time.monotonic(),
        )
        try:
            yield Export(
                running.thread,
                held.value,
                row_shape(spec),
                news=news,
                on_progress=on_progress,
                deadline=deadline,
            )
        finally:
            held.leave()

    def create(
        self,
        provider: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        run_at: datetime | None = None,
        **spec: Unpack[ExportSpec],
    ) -> Task:
        """Have the service make a file of its data provider's rows; give the new task."""
        return self._ask(
            lambda client: client.create(provider, parameters=parameters, run_at=run_at, **spec)
        )

    def status(self, task_id: str) -> Task:
        """Give a task as it is now."""
        return self._ask(lambda client: client.status(task_id))

    def wait(
        self,
        task_id: str,
        *,
        timeout_seconds: float = math.inf,
        on_progress: Callable[[Task], None] | None = None,
    ) -> ExportResult:
        """Wait until a task has ended; raise ExportFailedError if it has no file."""
        task: Task | None = None
        with self.watch(task_id, timeout_seconds=timeout_seconds) as states:
            for task in states:
                if on_progress is not None:
                    on_progress(task)
        return result_of_task(task or self.status(task_id))

    @contextmanager
    def watch(
        self, task_id: str, *, min_interval_seconds: float = 0, timeout_seconds: float = math.inf
    ) -> Iterator[Iterator[Task]]:
        """Follow a task: an iterator of its states that ends behind a final one."""
        deadline = time.monotonic() + timeout_seconds
        running = self._run(timeout_seconds)
        held = Held(
            running.thread,
            lambda: running.client.watch(task_id, min_interval_seconds=min_interval_seconds),
        )
        try:
            yield _drawn(running.thread, held.value, lambda: deadline - time.monotonic())
        finally:
            held.leave()

    def list(
        self,
        *,
        states: Sequence[TaskState | str] = (),
        formats: Sequence[Format | str] = (),
        filename_contains: str = "",
        owner: str = "",
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Iterator[Task]:
        """Iterate over this client's tasks, newest first, page by page."""
        running = self._run(self._timeout_seconds)
        tasks = running.client.list(
            states=states,
            formats=formats,
            filename_contains=filename_contains,
            owner=owner,
            created_after=created_after,
            created_before=created_before,
        )
        timeout_seconds = self._timeout_seconds  # not self: nothing here keeps the client alive
        return _drawn(running.thread, tasks, lambda: timeout_seconds)

    def cancel(self, task_id: str, reason: str = "") -> Task:
        """Cancel a task, wherever it runs."""
        return self._ask(lambda client: client.cancel(task_id, reason))

    def retry(self, task_id: str) -> Task:
        """Try a failed task again."""
        return self._ask(lambda client: client.retry(task_id))

    def delete(self, task_id: str) -> Task:
        """Remove an ended task's file and rows."""
        return self._ask(lambda client: client.delete(task_id))

    def download(self, result: ExportResult | Task, path: str | os.PathLike[str]) -> Path:
        """Fetch the file into ``path``; as ``rowferry.client.Client.download``."""
        running = self._run(self._timeout_seconds)
        return running.thread.call(partial(running.client.download, result, path))

    def _ask(self, question: Callable[[trio_client.Client], Awaitable[_Answer]]) -> _Answer:
        running = self._run(self._timeout_seconds)
        return running.thread.call(partial(question, running.client), self._timeout_seconds)

    def _run(self, timeout_seconds: float) -> _Running:
        with self._lock:
            if self._running is None:
                self._running = _start(self._make, timeout_seconds)
                # At the latest when the interpreter ends, or nobody has the client any more.
                self._closer = weakref.finalize(self, self._running.thread.stop)
            return self._running

    def forget_thread(self) -> None:
        """Begin anew in a forked process, which has none of its parent's threads."""
        self._lock = threading.Lock()
        self._running = None
        if self._closer is not None:
            self._closer.detach()
            self._closer = None


_clients: Final[weakref.WeakSet[Client]] = weakref.WeakSet()


def _forget_threads() -> None:
    for client in list(_clients):
        client.forget_thread()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def _start(make: Callable[[], trio_client.Client], timeout_seconds: float) -> _Running:
    thread = TrioThread()
    try:
        client = Held(thread, make, timeout_seconds).value
    except BaseException:
        thread.stop()
        raise
    return _Running(thread=thread, client=client)


def _drawn(
    thread: TrioThread, items: TaskList | TaskWatch, left_seconds: Callable[[], float]
) -> Iterator[Task]:
    """Draw items of an asynchronous iterator, which lives in the thread."""
    while True:
        try:
            yield thread.call(partial(anext, items), left_seconds())
        except StopAsyncIteration:
            return
