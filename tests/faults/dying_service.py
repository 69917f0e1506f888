"""The service, with a fuse in one of its adapters: at the chosen call the process is killed.

    python dying_service.py "storage.put 1 after"

names the port's method, the how-manieth call of it, and whether the call is made before. Calls of
``store.update`` have the new state for their method: ``store.UPLOADING``. Without an argument
nothing is killed and every call is logged as PortCalled.
"""

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Final

import trio

from rowferry.composition import Adapters
from rowferry.config import Config
from rowferry.config_loading import load
from rowferry.data_directory import open_adapters
from rowferry.domain.task import Task
from rowferry.ports import Observer, Storages
from rowferry.service import serve

# What these calls give is fused too, under a port's name of its own.
_OPENED: Final = {
    "spool.create": "log",
    "spool.open": "log",
    "log.reader": "source",
    "writers.open": "writer",
    "writers.open_digest": "digest",
    "storage.open_range": "stream",
}


@dataclass(slots=True)
class Fuse:
    """Counts calls, and kills the process at the chosen one."""

    point: str
    _calls: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, call: str) -> str:
        """Take note of a call; give its name with its number."""
        with self._lock:
            self._calls[call] += 1
            name = f"{call} {self._calls[call]}"
            if not self.point:
                sys.stdout.write(json.dumps({"event": "PortCalled", "call": name}) + "\n")
                sys.stdout.flush()
        self._burn(f"{name} before")
        return name

    def end(self, name: str) -> None:
        """Take note of a call's end."""
        self._burn(f"{name} after")

    def _burn(self, moment: str) -> None:
        if moment == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


class Fused:
    """Stands before an adapter and hands every call on."""

    def __init__(self, target: object, port: str, fuse: Fuse) -> None:
        self._target = target
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the adapter has
        found = getattr(self._target, name)
        if name == "multipart" and found is not None:
            return Fused(found, name, self._fuse)
        if not callable(found):
            return found
        wrapped = self._awaited if iscoroutinefunction(found) else self._called
        return partial(wrapped, found, f"{self._port}.{name}")

    def __len__(self) -> int:
        return len(self._target)  # type: ignore[arg-type]

    def _called(
        self, method: Callable[..., object], call: str, *args: object, **named: object
    ) -> object:
        name = self._fuse.begin(call)
        answer = method(*args, **named)
        self._fuse.end(name)
        port = _OPENED.get(call)
        return answer if port is None or answer is None else Fused(answer, port, self._fuse)

    async def _awaited(
        self, method: Callable[..., Awaitable[object]], call: str, *args: object, **named: object
    ) -> object:
        if call == "store.update" and isinstance(args[0], Task):
            call = f"store.{args[0].state}"
        name = self._fuse.begin(call)
        answer = await method(*args, **named)
        self._fuse.end(name)
        return answer


@asynccontextmanager
async def fused_adapters(
    fuse: Fuse, config: Config, observer: Observer
) -> AsyncIterator[Adapters]:
    """Open the adapters of the embedded default, with the fuse before each that keeps things."""
    async with open_adapters(config, observer) as adapters:
        yield replace(
            adapters,
            store=_fused(adapters.store, "store", fuse),
            spool=_fused(adapters.spool, "spool", fuse),
            writers=_fused(adapters.writers, "writers", fuse),
            storages=Storages(
                primary=adapters.storages.primary,
                by_name={
                    name: _fused(storage, "storage", fuse)
                    for name, storage in adapters.storages.by_name.items()
                },
            ),
        )


def _fused(adapter: object, port: str, fuse: Fuse) -> Any:  # noqa: ANN401  what the adapter is
    return Fused(adapter, port, fuse)


def main() -> None:
    """Serve until killed."""
    fuse = Fuse(" ".join(sys.argv[1:]))
    opener = partial(fused_adapters, fuse)
    trio.run(partial(serve, load(None, os.environ), trio.Event(), opener=opener))


if __name__ == "__main__":
    main()
