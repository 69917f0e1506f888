"""The file behind a link: ``GET`` and ``HEAD /d/<token>``, as raw ASGI.

Where the storage has addresses of its own, the answer to GET is one of them; else, and with
``proxy_downloads``, it is the bytes. Such a download holds one open file and one block of memory,
and a thread only while a block is read: a slow client holds no thread.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final, Protocol

import trio

from rowferry.domain.error_catalogue import CATALOGUE
from rowferry.domain.errors import ErrorClass, ErrorCode, RowferryError
from rowferry.domain.events import (
    FileDownloaded,
    StorageAlert,
    SystemError,  # noqa: A004  the event
)
from rowferry.domain.links import LinkClaim
from rowferry.domain.storage_fault import StorageFault
from rowferry.domain.task import Task, TaskState
from rowferry.plain_nursery import open_plain_nursery
from rowferry.ports import ByteStream, ClientRulesSource, Observer, Storages, StoredObject
from rowferry.status.http_file_reply import FileReply, file_reply
from rowferry.status.http_links import LINK_PATH
from rowferry.wire.asgi import (
    NEVER_STORED,
    HttpStatusError,
    Receive,
    Scope,
    Send,
    encode_headers,
    method_not_allowed,
    send_error,
)

BLOCK_BYTES: Final = 256 << 10
# A client follows at once; what has begun goes on when the time is over. Long enough for clocks
# that differ, short enough that an address that is passed on is worth little.
REDIRECT_SECONDS: Final = 300
_CLOSE_SECONDS: Final = 10.0
_GONE: Final = 410


class TaskLookup(Protocol):
    """The part of ``ports.TaskStore`` that a download needs."""

    async def get(self, client: str, task_id: str) -> Task | None:
        """Look a task up."""


class LinkOpener(Protocol):
    """Opens what a sealer sealed."""

    def open(self, token: str) -> LinkClaim | None:
        """Give what a token seals, expired or not; None for a token that nobody here made."""


class Downloads:
    """The ASGI application of everything under ``/d/``.

    ``threads`` bounds how many calls of the storage run at once, of all downloads together.
    With ``proxy_downloads`` clients need not reach the storage, and never see its address.
    """

    def __init__(
        self,
        *,
        tasks: TaskLookup,
        storages: Storages,
        links: LinkOpener,
        clients: ClientRulesSource,
        clock: Callable[[], datetime],
        observer: Observer,
        threads: trio.CapacityLimiter,
        proxy_downloads: bool = False,
    ) -> None:
        self._tasks = tasks
        self._storages = storages
        self._links = links
        self._clients = clients
        self._clock = clock
        self._observer = observer
        self._threads = threads
        self._proxy_downloads = proxy_downloads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong before the first byte is a JSON error."""
        answer = _Answer(send)
        try:
            await self._answer(scope, receive, answer)
        except RowferryError as error:
            if CATALOGUE[error.code].error_class is ErrorClass.STORAGE:
                self._observe_fault(error)
            await answer.refuse(error)
        except Exception as error:  # noqa: BLE001  reported, and told to the client as INTERNAL
            self._observer.observe(SystemError(error=error, where="download"))
            await answer.refuse(RowferryError(ErrorCode.INTERNAL, "The download failed."))

    def _observe_fault(self, error: RowferryError) -> None:
        """Tell of a storage that does not give a file, or gives too little of it."""
        reason = error.reason if isinstance(error, StorageFault) else ""
        self._observer.observe(
            StorageAlert(kind="download", storage_code=reason, message=error.message)
        )

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            raise method_not_allowed("GET, HEAD")
        claim, task = await self._opened_link(scope["path"].removeprefix(LINK_PATH))
        stored = await trio.to_thread.run_sync(
            self._storages.named(task.storage).head, task.object_key, limiter=self._threads
        )
        if stored is None:
            raise RowferryError(ErrorCode.NOT_FOUND, "The file is not in storage any more.")
        reply = file_reply(scope, stored, task.sha256)
        if scope["method"] == "HEAD" or not reply.length:
            await answer.start(reply)
            await answer.end()
        elif address := await self._address(task, stored, claim.expires_at - self._clock()):
            await answer.start(_redirect(address))
            await answer.end()
            self._observe_download(task, answer, redirected=True)
        else:
            await self._send_file(task, reply, receive, answer)

    async def _opened_link(self, token: str) -> tuple[LinkClaim, Task]:
        """Give what a link says and the task whose file it opens now.

        This is where a link is judged: signature, time, whether its owner may still come in, and
        what has become of the file since.
        """
        claim = self._links.open(token)
        if claim is None:
            raise RowferryError(ErrorCode.NOT_FOUND, "There is no such link.")
        if claim.expired(self._clock()):
            raise _link_ended("The link has expired.", claim)
        if not self._clients.is_enabled(claim.client):
            raise RowferryError(ErrorCode.NOT_FOUND, "There is no file behind this link.")
        task = await self._tasks.get(claim.client, claim.task_id)
        if task is not None and task.state is TaskState.EXPIRED:
            raise _link_ended("The file is not kept any more.", claim)
        if task is None or not claim.opens(task):
            raise RowferryError(ErrorCode.NOT_FOUND, "There is no file behind this link.")
        return claim, task

    async def _address(
        self, task: Task, stored: StoredObject, link_lasts: timedelta
    ) -> str | None:
        """Give the storage's own address of a file, good for no longer than the link."""
        if self._proxy_downloads:
            return None
        seconds = max(1, min(REDIRECT_SECONDS, int(link_lasts.total_seconds())))
        signed_url = self._storages.named(task.storage).signed_url
        return await trio.to_thread.run_sync(signed_url, stored, seconds, limiter=self._threads)

    async def _send_file(
        self, task: Task, reply: FileReply, receive: Receive, answer: "_Answer"
    ) -> None:
        """Send the bytes until the client has them or is gone, then say how many it got."""
        try:
            async with self._opened(task, reply.first) as stream:
                await answer.start(reply)
                async with open_plain_nursery() as nursery:
                    # a server takes blocks for a client that left without a word
                    nursery.start_soon(_cancel_when_gone, receive, nursery.cancel_scope)
                    await self._send_blocks(stream, reply.length, answer)
                    nursery.cancel_scope.cancel()
                if answer.sent_bytes == reply.length:
                    await answer.end()
        finally:
            if answer.started:
                self._observe_download(task, answer, redirected=False)

    def _observe_download(self, task: Task, answer: "_Answer", *, redirected: bool) -> None:
        self._observer.observe(
            FileDownloaded(
                task_id=task.id,
                request_id=task.request_id,
                client=task.client,
                sent_bytes=answer.sent_bytes,
                redirected=redirected,
            )
        )

    async def _send_blocks(self, stream: ByteStream, length: int, answer: "_Answer") -> None:
        remaining = length
        while remaining:
            block = await trio.to_thread.run_sync(
                stream.read, min(BLOCK_BYTES, remaining), limiter=self._threads
            )
            if not block:
                message = "The stored file is shorter than it should be."
                raise RowferryError(ErrorCode.STORAGE_UNAVAILABLE, message)
            remaining -= len(block)
            await answer.block(block)

    @asynccontextmanager
    async def _opened(self, task: Task, start: int) -> AsyncIterator[ByteStream]:
        storage = self._storages.named(task.storage)
        stream = await trio.to_thread.run_sync(
            storage.open_range, task.object_key, start, limiter=self._threads
        )
        try:
            yield stream
        finally:
            with trio.move_on_after(_CLOSE_SECONDS, shield=True):
                await trio.to_thread.run_sync(stream.close, limiter=self._threads)


def _redirect(address: str) -> FileReply:
    """Build the answer that leads elsewhere: for this client, this once, and not told further."""
    headers = [
        ("location", address),
        ("cache-control", NEVER_STORED),
        ("referrer-policy", "no-referrer"),
        ("content-length", "0"),
    ]
    return FileReply(status=302, headers=headers)


def _link_ended(message: str, claim: LinkClaim) -> HttpStatusError:
    """Build the answer for a link that was good once."""
    context = {"task_id": claim.task_id, "expired_at": claim.expires_at.isoformat()}
    return HttpStatusError(_GONE, ErrorCode.NOT_FOUND, message, context)


class _Answer:
    """What has been sent of an answer so far."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.sent_bytes = 0

    async def start(self, reply: FileReply) -> None:
        self.started = True
        await self._send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": encode_headers(reply.headers),
            }
        )

    async def block(self, block: bytes) -> None:
        await self._send({"type": "http.response.body", "body": block, "more_body": True})
        self.sent_bytes += len(block)

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def refuse(self, error: RowferryError) -> None:
        """Send an error; behind a part of the file it is the missing rest that tells."""
        if not self.started:
            await send_error(self._send, error)


async def _cancel_when_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
