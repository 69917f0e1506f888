"""Who did what: a file of JSON lines that is only ever appended to.

Each line goes to the file at once, so it survives the end of the process; every second the file is
synced, so a loss of power takes a second at most. A line that can't be written is told of in the
log and lost: calls go on.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from rowferry.domain import events
from rowferry.domain.access import CALLER
from rowferry.domain.events import Event
from rowferry.domain.quota import TokenBucket

FILE_MODE: Final = 0o600
SYNC_SECONDS: Final = 1.0
# what strangers can have written: the rest is counted in the next line
REFUSALS_PER_SECOND: Final = 20
REFUSALS_AT_ONCE: Final = 200
OK: Final = "ok"
_LOG: Final = logging.getLogger(__name__)

Line = dict[str, Any]


class AuditLog:
    """An observer that writes the lines; ``path`` "" = it writes none.

    ``now`` gives the time of the lines, ``clock`` monotonic seconds. Raises OSError for a file
    that can't be opened.
    """

    def __init__(
        self, path: str, *, now: Callable[[], datetime], clock: Callable[[], float]
    ) -> None:
        self._path = path
        self._now = now
        self._clock = clock
        self._file = _open(path) if path else None
        self._unsynced = False
        self._thread = trio.CapacityLimiter(1)
        self._strangers = TokenBucket(REFUSALS_PER_SECOND, REFUSALS_AT_ONCE, clock())
        self._not_written = 0
        self._lines: Mapping[type[Event], Callable[[Any], Line | None]] = {
            events.TaskCreated: _created,
            events.ValidationError: _refused_creation,
            events.TaskCommandAnswered: _command,
            events.FileDownloaded: _download,
            events.CallerKeptOut: self._kept_out,
            events.AccessReloaded: _access_changed,
        }

    def observe(self, event: Event) -> None:
        """Write the line of an event that has one; SIGHUP's event has the file opened again."""
        if self._file is None:
            return
        if isinstance(event, events.AccessReloaded | events.AccessReloadFailed):
            self._reopen()
        make = self._lines.get(type(event))
        line = make(event) if make else None
        if line is not None:
            self._write(line)

    async def run(self) -> None:
        """Sync the file while there is something to sync; runs until it is cancelled."""
        while True:
            await trio.sleep(SYNC_SECONDS)
            if self._unsynced and self._file is not None:
                try:
                    # a file of its own: this one may be closed for rotation meanwhile
                    file = os.dup(self._file)
                except OSError:  # so many files are open: the lines are synced when some are not
                    continue
                self._unsynced = False
                await trio.to_thread.run_sync(_sync, file, limiter=self._thread)

    def close(self) -> None:
        """Sync and close the file."""
        if self._file is not None:
            _sync(self._file)
            self._file = None

    def _kept_out(self, event: events.CallerKeptOut) -> Line | None:
        if self._strangers.wait_seconds(self._clock()):
            self._not_written += 1
            return None
        not_written, self._not_written = self._not_written, 0
        return {
            "action": "enter",
            "outcome": event.reason,
            "door": event.door,
            "client": event.client,
            "identity": event.identity,
            "address": event.address,
            **({"not_written": not_written} if not_written else {}),
        }

    def _write(self, line: Line) -> None:
        caller = CALLER.get()
        if "identity" not in line and caller is not None:
            line |= {"identity": caller.identity, "address": caller.address}
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        kept = {name: value for name, value in line.items() if value != ""}
        record = msgspec.json.encode({"time": time, **kept}) + b"\n"
        try:
            # one call: lines of several processes never mix
            written = os.write(self._file or -1, record)
        except OSError:
            _LOG.exception("A line of the audit log could not be written.")
            return
        self._unsynced = True
        if written != len(record):
            _LOG.error("A line of the audit log was cut off: the disk is full.")

    def _reopen(self) -> None:
        """Go on in the file that has the name now: the former one has been moved away."""
        try:
            opened = _open(self._path)
        except OSError:
            _LOG.exception("The audit log could not be opened again: the former file goes on.")
            return
        if self._file is not None:
            _sync(self._file)
        self._file = opened


@contextmanager
def audit_log(
    path: str, *, now: Callable[[], datetime], clock: Callable[[], float]
) -> Iterator[AuditLog]:
    """Open the audit log for the length of a block."""
    log = AuditLog(path, now=now, clock=clock)
    try:
        yield log
    finally:
        log.close()


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    return os.open(Path(path), flags, FILE_MODE)


def _sync(file: int) -> None:
    try:
        os.fsync(file)
    except OSError:  # a pipe or a device has nothing to sync
        _LOG.debug("The audit log can't be synced.", exc_info=True)
    finally:
        os.close(file)


def _created(event: events.TaskCreated) -> Line:
    return _of_task("create", OK, event.client, event.task_id, event.request_id)


def _refused_creation(event: events.ValidationError) -> Line | None:
    """Tell of a request that made no task; what goes wrong with its rows later is no action."""
    if event.task_id:
        return None
    return _of_task("create", event.error_code, event.client, "", event.request_id)


def _command(event: events.TaskCommandAnswered) -> Line:
    return _of_task(event.command, event.outcome, event.client, event.task_id, "")


def _download(event: events.FileDownloaded) -> Line:
    line = _of_task("download", OK, event.client, event.task_id, event.request_id)
    return line | {"sent_bytes": event.sent_bytes, "redirected": event.redirected}


def _access_changed(event: events.AccessReloaded) -> Line:
    return {"action": "change_access", "outcome": OK, "what": event.what, "identity": ""}


def _of_task(action: str, outcome: str, client: str, task_id: str, request_id: str) -> Line:
    return {
        "action": action,
        "outcome": outcome,
        "client": client,
        "task_id": task_id,
        "request_id": request_id,
    }
