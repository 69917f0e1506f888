"""One door fuzzed: inputs by number, each on a connection of its own, several at once."""

import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from tests.fuzz_doors.doors import FuzzedDoor, Input

ANSWER_SECONDS: Final = 20.0
_CONNECTIONS: Final = 32
_TELL_SECONDS: Final = 5.0
_RECEIVE_BYTES: Final = 65_536
_MAX_ANSWER_BYTES: Final = 4 << 20
_SOURCES: Final = 200  # of 127.0.0.0/8: one address would run out of ports


@dataclass(kw_only=True)
class Campaign:
    """What became of a door's inputs; ``faults`` name the inputs that were answered wrongly."""

    door: FuzzedDoor
    seed: int
    first: int
    count: int
    failures: Path
    tell: Callable[[str], None]
    done: int = 0
    answered: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def input(self, number: int) -> Input:
        """Make an input again."""
        return self.door.make(random.Random(f"{self.seed} {self.door.name} {number}"))

    async def run(self, port: int) -> None:
        """Send every input."""
        began = time.monotonic()
        async with trio.open_nursery() as telling:
            telling.start_soon(self._tell_now_and_then, began)
            await self._send_all(port)
            telling.cancel_scope.cancel()
        self.seconds = time.monotonic() - began
        self.tell(self._progress(self.seconds))

    async def _send_all(self, port: int) -> None:
        send, receive = trio.open_memory_channel[int](0)
        async with trio.open_nursery() as nursery:
            for worker in range(_CONNECTIONS):
                nursery.start_soon(self._work, receive.clone(), port, worker)
            receive.close()
            async with send:
                for number in range(self.first, self.first + self.count):
                    await send.send(number)

    async def _tell_now_and_then(self, began: float) -> None:
        while True:
            await trio.sleep(_TELL_SECONDS)
            self.tell(self._progress(time.monotonic() - began))

    def _progress(self, seconds: float) -> str:
        rate = self.done / seconds
        found = f"{len(self.faults)} faults"
        return f"{self.door.name}: {self.done} of {self.count} inputs, {rate:.0f}/s, {found}"

    async def _work(self, numbers: trio.MemoryReceiveChannel[int], port: int, worker: int) -> None:
        async with numbers:
            async for number in numbers:
                data = self.input(number)
                fault = "no end within the time"
                with trio.move_on_after(ANSWER_SECONDS):
                    answer = await self._ask(port, data, number * _CONNECTIONS + worker)
                    self.answered += bool(answer)
                    fault = self.door.fault(answer)
                self.done += 1
                if fault:
                    self._keep(number, data, fault)

    async def _ask(self, port: int, data: Input, number: int) -> bytes:
        with trio.socket.socket() as connection:
            await connection.bind((f"127.0.0.{2 + number % _SOURCES}", 0))
            await connection.connect(("127.0.0.1", port))
            answer = bytearray()
            if data.handshake:
                await connection.send(data.handshake)
                while b"\r\n\r\n" not in answer and (chunk := await _receive(connection)):
                    answer += chunk
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send, connection, data.data)
                while chunk := await _receive(connection):
                    answer += chunk
                    if self._is_enough(answer):
                        break
                nursery.cancel_scope.cancel()
            return bytes(answer)

    def _is_enough(self, answer: bytearray) -> bool:
        whole = self.door.is_whole
        return len(answer) > _MAX_ANSWER_BYTES or (whole is not None and whole(bytes(answer)))

    async def _send(self, connection: trio.socket.SocketType, data: bytes) -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[await connection.send(rest) :]
            if self.door.is_whole is None:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the service closed first: its answer tells why

    def _keep(self, number: int, data: Input, fault: str) -> None:
        self.failures.mkdir(parents=True, exist_ok=True)
        name = self.door.name.replace(" ", "-").lower()
        path = self.failures / f"{name}-{self.seed}-{number}.bin"
        path.write_bytes(data.handshake + data.data)
        self.faults.append(f"{path}: {fault}")


async def _receive(connection: trio.socket.SocketType) -> bytes:
    try:
        return await connection.recv(_RECEIVE_BYTES)
    except OSError:
        return b""
