"""An export that takes its rows by hand, and blocks."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from rowferry.client.cells import RowShape
from rowferry.client.export import check_rows_came_again, packing_of
from rowferry.client.packing import PackedRows
from rowferry.client.results import ExportResult, Progress
from rowferry.client.row_stream import RowStream
from rowferry.client.sync.newest import Newest
from rowferry.client.sync.trio_thread import TrioThread


class Export:
    """An export that takes rows. ``Client.open`` makes one; one thread writes to it at a time."""

    def __init__(
        self,
        thread: TrioThread,
        stream: RowStream,
        shape: RowShape,
        *,
        news: Newest[Progress],
        on_progress: Callable[[Progress], None] | None,
        deadline: float,
    ) -> None:
        """``deadline`` is by ``time.monotonic``."""
        self._thread: Final = thread
        self._stream: Final = stream
        self._packer, self._kept = packing_of(stream, shape)
        self._news = news
        self._on_progress = on_progress
        self._deadline = deadline
        self._interrupted = False

    @property
    def progress(self) -> Progress:
        """Tell how far the rows are, with the ids of request and task."""
        return self._stream.progress

    @property
    def max_message_bytes(self) -> int:
        """Tell how large the service lets a message be."""
        return self._stream.created.max_message_bytes

    def write(self, rows: Iterable[Any]) -> None:
        """Send rows as the service has room for them; as ``rowferry.client.Export.write``."""
        self._stream.check_open()
        with self._stream.naming():
            self._put_all(self._packer.pack(rows))

    def write_packed(self, batches: Iterable[PackedRows]) -> None:
        """Send rows that are packed already, in batches that are the same on every try."""
        self._stream.check_open()
        with self._stream.naming():
            self._put_all(packed for packed in batches if not self._kept.has(packed))

    def flush(self) -> None:
        """Send what was written so far, even if it fills no batch."""
        with self._stream.naming():
            self._put_all(self._packer.cut())

    def finish(self) -> ExportResult:
        """End the rows and give the result; see ``Client.export``."""
        self.flush()
        with self._stream.naming():
            check_rows_came_again(self._stream, self._packer, self._kept)
            with self._thread.begin(self._stream.finish) as finishing:
                finishing.when_done(self._news.close)
                for progress in self._news.until_closed(self._deadline):
                    self._tell(progress)
                return finishing.result(self._left_seconds())

    def _put_all(self, batches: Iterable[PackedRows]) -> None:
        self._thread.home.check()
        if self._interrupted:
            message = "Ctrl+C broke the writing off: open the export again with its request_id."
            raise RuntimeError(message)
        try:
            if self._stream.takes_rows:  # else they are not even drawn
                for packed in batches:
                    self._thread.call(partial(self._stream.put, packed), self._left_seconds())
                    self._tell(self._news.take())
        except KeyboardInterrupt:
            self._interrupted = True  # nobody knows whether the batch in hand was queued
            raise

    def _tell(self, progress: Progress | None) -> None:
        if self._on_progress is not None and progress is not None:
            self._on_progress(progress)

    def _left_seconds(self) -> float:
        return self._deadline - time.monotonic()
