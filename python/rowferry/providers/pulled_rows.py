"""A provider being read: its batches become frames, one call into the core each."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

from rowferry._core import BatchFramer, CoreError, Schema
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.ports import CountsRows, CsvRows, DataProvider, JsonRows
from rowferry.providers.row_encoding import encode_rows

FRAME_ROWS: Final = 1000  # of a batch of any size: bounds what is encoded at once
# What a provider may say of a request that no other try would serve.
FINAL_CODES: Final = frozenset({
    ErrorCode.INVALID_METADATA,
    ErrorCode.INVALID_ROW,
    ErrorCode.NOT_FOUND,
    ErrorCode.PROVIDER_REFUSED,
    ErrorCode.PROVIDER_TIMEOUT,
})  # fmt: skip
LINGER_SECONDS: Final = 0.2  # for more rows to fill a span; then what is there goes on


class ProviderCancellation:
    """A ``ports.Cancellation``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hooks: list[Callable[[], object]] = []
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Tell whether the export is cancelled."""
        return self._cancelled

    def on_cancel(self, hook: Callable[[], object]) -> None:
        """Call ``hook`` on cancellation, at once if it came already."""
        with self._lock:
            self._hooks.append(hook)
            is_late = self._cancelled
        if is_late:
            hook()

    def cancel(self) -> None:
        """Call the hooks that there are, all of them; raise what one of them raised."""
        with self._lock:
            hooks = list(self._hooks)
            self._cancelled = True
        with ExitStack() as calls:
            for hook in reversed(hooks):
                calls.callback(hook)


class PulledRows:
    """A ``ports.PulledSource`` over one provider and one request."""

    def __init__(self, provider: DataProvider, spec: ExportSpec) -> None:
        self._provider = provider
        self._parameters: Mapping[str, Any] = spec.parameters
        self._framer = BatchFramer(Schema(spec.core_document()))
        self._cancellation = ProviderCancellation()
        self._batches: Iterator[Any] | None = None
        self._packed = self._pack_all()
        self._ended = False

    def count(self) -> int | None:
        """Ask the provider for the number of its rows, if it can tell."""
        if not isinstance(self._provider, CountsRows):
            return None
        with provider_errors(self._provider.name):
            return self._provider.count(self._parameters, self._cancellation)

    def read(self, max_bytes: int) -> bytes:
        """Wait for rows: frames of about ``max_bytes``, fewer from a slow provider; b"" = end."""
        frames: list[bytes] = []
        missing_bytes = max_bytes
        deadline = time.monotonic() + LINGER_SECONDS
        while missing_bytes > 0 and not self._ended:
            frame = self._next_frame()
            frames.append(frame)
            missing_bytes -= len(frame)
            if time.monotonic() > deadline:
                break
        return b"".join(frames)

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return self._framer.rows

    @property
    def ended(self) -> bool:
        """Tell whether the provider has no more rows."""
        return self._ended

    def cancel(self) -> None:
        """Call the provider's hooks."""
        with provider_errors(self._provider.name):
            self._cancellation.cancel()

    def close(self) -> None:
        """Close the provider's iterator, as the end of a ``for`` does not."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            with suppress(Exception):  # all rows are read, or their failure is known already
                close()

    def _next_frame(self) -> bytes:
        with provider_errors(self._provider.name):
            packed = next(self._packed, None)
        if packed is None:
            self._ended = True
            return b""
        try:
            if isinstance(packed, CsvRows):
                return self._framer.csv_rows(packed.rows)
            return self._framer.json_rows(packed.rows)
        except CoreError as error:
            raise RowferryError(ErrorCode(error.code), error.message, error.context) from error

    def _pack_all(self) -> Iterator[JsonRows | CsvRows]:
        self._batches = iter(self._provider.rows(self._parameters, self._cancellation))
        for batch in self._batches:
            if isinstance(batch, JsonRows | CsvRows):
                yield batch
                continue
            for start in range(0, len(batch), FRAME_ROWS):
                rows = encode_rows(batch[start : start + FRAME_ROWS], self._framer.rows)
                yield JsonRows(rows=rows)


@contextmanager
def provider_errors(name: str) -> Iterator[None]:
    """Give whatever a provider raises a code; its own words are for the log.

    A ``RowferryError`` with one of ``FINAL_CODES`` goes to the client as it is.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, RowferryError) and error.code in FINAL_CODES:
            raise
        message = "The data provider failed."
        context = {"provider": name}
        raise RowferryError(ErrorCode.PROVIDER_FAILED, message, context) from error
