"""The parts of one file, sent side by side while the file may still grow."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.multipart import ByteRange, PartPlan
from rowferry.domain.storage_fault import StorageFault
from rowferry.export.signal import Signal
from rowferry.export.storage_calls import FileBody, StorageCalls
from rowferry.plain_nursery import open_plain_nursery
from rowferry.ports import MultipartStorage, Part, Upload

_T = TypeVar("_T")
PAUSE_SECONDS: Final = 10.0  # between tries of what fails while rows still come

Begin = Callable[[], Awaitable[tuple[Upload, Sequence[Part]]]]
"""Starts an upload or finds the one to go on with, and the parts it has."""


@dataclass(slots=True)
class _Growth:
    """What of the file is there: which parts are full, and which of those may still change."""

    plan: PartPlan
    file_bytes: int = 0
    whole_parts: int = 0
    changing: list[int] = field(default_factory=list)
    ready: deque[int] = field(default_factory=deque)

    def reach(self, file_bytes: int, pending: ByteRange | None, parts: int) -> None:
        """Take note of the file's size and of its parts 1 to ``parts``."""
        seen = [*self.changing, *range(self.whole_parts + 1, parts + 1)]
        self.changing = [number for number in seen if self.plan.changes(number, pending)]
        self.ready.extend(number for number in seen if number not in self.changing)
        self.file_bytes, self.whole_parts = file_bytes, parts


class PartUpload:
    """Sends what is sealed: ``grown`` and ``seal`` tell of it, ``run`` sends, ``sent`` waits.

    While rows come, a storage that fails is left alone for a while and tried again; from the end
    of rows on, a part that fails after its retries is the failure of the upload.
    """

    def __init__(
        self,
        *,
        multipart: MultipartStorage,
        calls: StorageCalls,
        path: Path,
        plan: PartPlan,
        parallel_parts: int,
        begin: Begin,
        report: Callable[[Part, float], None],
    ) -> None:
        self._multipart = multipart
        self._calls = calls
        self._path = path
        self._growth = _Growth(plan)
        self._parallel_parts = parallel_parts
        self._begin = begin
        self._report = report
        self._upload: Upload | None = None
        self._listed: dict[int, Part] = {}
        self._parts: dict[int, Part] = {}
        self._is_sealed = False
        self._failure: RowferryError | None = None
        self._has_ended = False
        self._changed: Final = Signal()

    @property
    def has_begun(self) -> bool:
        """Tell whether there is an upload, or may be."""
        return self._upload is not None or bool(self._growth.ready)

    @property
    def upload(self) -> Upload:
        """The upload, once parts were sent."""
        assert self._upload is not None, "nothing was sent yet"  # noqa: S101  a defect, no input
        return self._upload

    @property
    def parts(self) -> list[Part]:
        """The parts that the storage has, in order."""
        return [self._parts[number] for number in sorted(self._parts)]

    def grown(self, file_bytes: int, pending: ByteRange | None) -> None:
        """Take note of a file that grows: all but ``pending`` of it will stay as it is.

        Raises TOO_LARGE when it outgrows what an upload can have.
        """
        growth = self._growth
        whole_parts = growth.plan.whole(file_bytes)
        if whole_parts == growth.whole_parts and not growth.changing:
            return
        self._check_count(whole_parts)
        growth.reach(file_bytes, pending, whole_parts)
        self._changed.notify()

    def rewritten(self) -> None:
        """Take note that the file begins again: with the same bytes, so what is sent stays."""
        self._growth = _Growth(self._growth.plan)

    def seal(self, file_bytes: int) -> None:
        """Take note that the file is whole."""
        parts = self._growth.plan.count(file_bytes)
        self._check_count(parts)
        self._growth.reach(file_bytes, None, parts)
        self._is_sealed = True
        self._changed.notify()

    def _check_count(self, parts: int) -> None:
        if parts > self._multipart.max_parts:
            context = {
                "limit": self._multipart.max_parts * self._growth.plan.part_bytes,
                "part_bytes": self._growth.plan.part_bytes,
            }
            message = "The file is larger than the parts of an upload can be together."
            raise RowferryError(ErrorCode.TOO_LARGE, message, context)

    async def run(self) -> None:
        """Send parts from the first sealed one to the last."""
        await self._changed.wait_for(lambda: bool(self._growth.ready))
        try:
            self._upload, listed = await self._insist(self._begin)
            self._listed = {part.number: part for part in listed}
            await self._send_side_by_side()
        except RowferryError as error:
            self._failure = error
        self._has_ended = True
        self._changed.notify()

    async def sent(self) -> None:
        """Wait until every part of the sealed file is there; raise what hindered it."""
        await self._changed.wait_for(lambda: self._has_ended)
        if self._failure is not None:
            raise self._failure

    async def send_lost(self, listed: Sequence[Part]) -> None:
        """Send again what a listing lacks of what was sent; everything if it lacks nothing."""
        there = {part.number: part.etag for part in listed}
        lost = [part.number for part in self.parts if there.get(part.number) != part.etag]
        for number in lost or list(self._parts):
            del self._parts[number]
            self._growth.ready.append(number)
        self._listed = {}
        await self._send_side_by_side()

    async def _send_side_by_side(self) -> None:
        failures: list[RowferryError] = []
        async with open_plain_nursery() as nursery:

            async def send() -> None:
                try:
                    await self._send_parts()
                except RowferryError as error:
                    failures.append(error)
                    nursery.cancel_scope.cancel()

            for _ in range(self._parallel_parts):
                nursery.start_soon(send)
        if failures:
            raise failures[0]

    async def _send_parts(self) -> None:
        while True:
            await self._changed.wait_for(lambda: bool(self._growth.ready) or self._is_sealed)
            if not self._growth.ready:
                return
            growth = self._growth
            number = growth.ready.popleft()
            if number not in self._parts:
                part = await self._insist(partial(self._send, number))
                if growth is self._growth:  # else it was read from a file in the making, perhaps
                    self._parts[number] = part

    async def _insist(self, step: Callable[[], Awaitable[_T]]) -> _T:
        """Do a step; while rows still come, a storage that is away is waited for."""
        while True:
            was_sealed = self._is_sealed
            try:
                return await step()
            except StorageFault:
                if was_sealed:
                    raise
            with trio.move_on_after(PAUSE_SECONDS):
                await self._changed.wait_for(lambda: self._is_sealed)

    async def _send(self, number: int) -> Part:
        body = self._body(number)
        listed = self._listed.pop(number, None)
        if listed is not None and await self._is_there(listed, body):
            return listed
        began = trio.current_time()
        part = await self._calls.send(
            "put_part", body, partial(self._multipart.put_part, self.upload, number)
        )
        self._report(part, trio.current_time() - began)
        return part

    def _body(self, number: int) -> FileBody:
        plan = self._growth.plan
        # a file that is being rewritten is shorter for a while than its parts that were ready
        size = self._growth.file_bytes if self._is_sealed else number * plan.part_bytes
        start, end = plan.span(number, size)
        return FileBody(self._path, start, end - start)

    async def _is_there(self, listed: Part, body: FileBody) -> bool:
        if listed.size_bytes != body.size_bytes:
            return False
        return await self._calls.send("holds", body, partial(self._multipart.holds, listed))
