"""A service under attack: what it costs it, and what others feel of it."""

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from tests.e2e.process_figures import peak_resident_bytes, resident_bytes
from tests.e2e.service_process import ServiceProcess

CHECKOUT: Final = Path(__file__).parents[2]
MIB: Final = 2**20
ANSWER_SECONDS: Final = 10.0  # the slowest export and question together, on a machine in use
FORGET_PEAK: Final = "5"  # proc(5), clear_refs: VmHWM begins anew
BROKEN: Final = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


class _Heard:
    """Tells of each round of the bystander."""

    def __init__(self) -> None:
        self._next = trio.Event()

    def notify(self) -> None:
        self._next.set()
        self._next = trio.Event()

    async def wait_for_next(self) -> None:
        await self._next.wait()


class Arena:
    """One running service, and the figures of the attacks on it."""

    def __init__(self, service: ServiceProcess, figures: dict[str, dict[str, Any]]) -> None:
        self.service = service
        self._figures = figures

    @asynccontextmanager
    async def attack(self, name: str, *, growth_bytes: int) -> AsyncIterator[dict[str, Any]]:
        """Measure the block: the service stays, grows by less than ``growth_bytes``, and serves.

        What the block puts into the dictionary it is given is a figure too.
        """
        pid = self.service.process.pid
        before = resident_bytes(pid)
        _forget_peak(pid)
        noted: dict[str, Any] = {}
        rounds: list[float] = []
        async with trio.open_nursery() as nursery:
            heard = await nursery.start(self._listen_to_bystander, rounds)
            began = trio.current_time()
            yield noted
            for _ in range(2):  # the second one is begun after the attack
                with trio.fail_after(2 * ANSWER_SECONDS):
                    await heard.wait_for_next()
            nursery.cancel_scope.cancel()
        grown = peak_resident_bytes(pid) - before
        self._figures[name] = {
            **noted,
            "seconds": round(trio.current_time() - began, 2),
            "resident_before_mib": round(before / MIB, 1),
            "peak_growth_mib": round(grown / MIB, 1),
            "bystander_exports": len(rounds),
            "bystander_slowest_seconds": max(rounds),
        }
        assert self.service.process.poll() is None
        assert grown < growth_bytes, self._figures[name]
        assert max(rounds) < ANSWER_SECONDS, self._figures[name]

    async def _listen_to_bystander(
        self, rounds: list[float], task_status: trio.TaskStatus["_Heard"]
    ) -> None:
        """Run an honest client; ``started`` once it has been served."""
        command = [sys.executable, "-m", "tests.abuse.bystander"]
        addresses = [self.service.grpc, self.service.http]
        heard = _Heard()
        async with trio.open_nursery() as nursery:
            process = await nursery.start(
                partial(
                    trio.run_process,
                    command + addresses,
                    stdout=subprocess.PIPE,
                    cwd=CHECKOUT,
                    check=True,
                )
            )
            async for block in process.stdout:
                first = not rounds
                rounds += [float(line) for line in block.split()]
                heard.notify()
                if first:
                    task_status.started(heard)

    async def connect(self, door: str) -> trio.SocketStream:
        """Open a connection to a door by its name in ``ServiceReady``."""
        host, _, port = str(self.service.ready[door]).rpartition(":")
        return await trio.open_tcp_stream(host, int(port))


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text(FORGET_PEAK, encoding="ascii")


async def in_parallel(
    number: int, attack: Callable[[int], Awaitable[None]], *, at_once: int = 200
) -> None:
    """Run so many attacks, at most ``at_once`` of them at a time."""
    limit = trio.CapacityLimiter(at_once)

    async def one(index: int) -> None:
        async with limit:
            await attack(index)

    async with trio.open_nursery() as nursery:
        for index in range(number):
            nursery.start_soon(one, index)


async def heard_until_closed(stream: trio.SocketStream, seconds: float = 30.0) -> bytes:
    """Read until the service closes the connection; raise TooSlowError if it does not."""
    heard = bytearray()
    with trio.fail_after(seconds), suppress(*BROKEN):
        while block := await stream.receive_some():
            heard += block
    return bytes(heard)


async def send_in_vain(stream: trio.SocketStream, blocks: Any, pause_seconds: float = 0) -> bool:  # noqa: ANN401
    """Send until the service breaks the connection off; False if it took everything."""
    try:
        for block in blocks:
            await stream.send_all(block)
            if pause_seconds:
                await trio.sleep(pause_seconds)
    except BROKEN:
        return True
    return False
