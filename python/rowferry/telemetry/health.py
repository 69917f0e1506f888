"""The operators' port as ASGI: ``/livez``, ``/readyz``, ``/healthz``, ``/metrics``."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any, Final

import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.free_space import disk_free_bytes
from rowferry.telemetry.metrics import CONTENT_TYPE
from rowferry.telemetry.operators_guard import Guard, nobody_asks
from rowferry.wire.asgi import (
    JSON_TYPE,
    NEVER_STORED,
    Receive,
    Scope,
    Send,
    encode_json,
    method_not_allowed,
    no_such_address,
    send_answer,
    send_error,
)

DEFAULT_CHECK_SECONDS: Final = 3.0
_OPEN_PAGES: Final = frozenset({"/livez", "/readyz"})
Check = Callable[[], Awaitable[None]]
"""Raises if its dependency can't be used now."""


class Phase(StrEnum):
    """Where the service is in its life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class Readiness:
    """Whether the service takes requests: it can accept or queue them in the phase READY only."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING


class OperatorsPort:
    """The ASGI application of the metrics port.

    ``checks`` are the dependencies by name; each is given ``check_seconds`` to answer. ``guard``
    is asked before anything is told but whether the service is alive and ready.
    """

    def __init__(
        self,
        *,
        readiness: Readiness,
        checks: Mapping[str, Check],
        exposition: Callable[[], bytes],
        guard: Guard = nobody_asks,
        check_seconds: float = DEFAULT_CHECK_SECONDS,
    ) -> None:
        self._readiness = readiness
        self._checks = checks
        self._exposition = exposition
        self._guard = guard
        self._check_seconds = check_seconds
        self._pages: Mapping[str, Callable[[], Awaitable[tuple[int, str, bytes]]]] = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/healthz": self._healthz,
            "/metrics": self._metrics,
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        page = self._pages.get(scope["path"])
        if page is None:
            await send_error(send, no_such_address())
        elif scope["method"] not in {"GET", "HEAD"}:
            await send_error(send, method_not_allowed("GET, HEAD"))
        else:
            try:
                if scope["path"] not in _OPEN_PAGES:
                    self._guard(scope)
            except RowferryError as refusal:
                await send_error(send, refusal)
                return
            status, content_type, body = await page()
            await send_answer(send, status, body, content_type, [("cache-control", NEVER_STORED)])

    async def _livez(self) -> tuple[int, str, bytes]:
        """Say that the event loop runs, and nothing else."""
        return _json(200, {"status": "alive"})

    async def _readyz(self) -> tuple[int, str, bytes]:
        phase = self._readiness.phase
        return _json(200 if phase is Phase.READY else 503, {"status": phase})

    async def _healthz(self) -> tuple[int, str, bytes]:
        results: dict[str, dict[str, Any]] = {}
        async with trio.open_nursery() as nursery:
            for name, check in self._checks.items():
                nursery.start_soon(self._run_check, name, check, results)
        healthy = all(result["status"] == "ok" for result in results.values())
        document = {
            "status": "ok" if healthy else "failing",
            "phase": self._readiness.phase,
            "dependencies": {name: results[name] for name in self._checks},
        }
        return _json(200 if healthy else 503, document)

    async def _metrics(self) -> tuple[int, str, bytes]:
        return 200, CONTENT_TYPE, self._exposition()

    async def _run_check(
        self, name: str, check: Check, results: dict[str, dict[str, Any]]
    ) -> None:
        began = trio.current_time()
        result: dict[str, Any] = {"status": "ok"}
        try:
            with trio.fail_after(self._check_seconds):
                await check()
        except trio.TooSlowError:
            message = f"No answer within {self._check_seconds:g} s."
            result = {"status": "failing", "message": message}
        except RowferryError as error:
            result = {"status": "failing", "code": error.code, "message": error.message}
        except Exception as error:  # noqa: BLE001  a check fails by raising, whatever it raises
            result = {"status": "failing", "message": type(error).__name__}
        result["duration_seconds"] = round(trio.current_time() - began, 6)
        results[name] = result


def in_thread(check: Callable[[], None], threads: trio.CapacityLimiter) -> Check:
    """Make a check of a blocking one; while it hangs it keeps its thread, of a bounded number."""

    async def run() -> None:
        await trio.to_thread.run_sync(check, limiter=threads, abandon_on_cancel=True)

    return run


def disk_check(directory: str, min_free_bytes: int) -> Callable[[], None]:
    """Make a blocking check that a directory has room."""

    def check() -> None:
        free = disk_free_bytes(directory)
        if not free >= min_free_bytes:  # NaN is no room either
            context = {"free_bytes": free, "min_free_bytes": min_free_bytes}
            raise RowferryError(ErrorCode.DISK_FULL, "The disk has too little room.", context)

    return check


def _json(status: int, document: object) -> tuple[int, str, bytes]:
    return status, JSON_TYPE, encode_json(document)
