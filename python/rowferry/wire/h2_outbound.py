"""The bytes due to one peer, and the task that sends them."""

import trio

from rowferry.wire.h2_transport import ByteTransport


class OutboundQueue:
    """Bytes in the order they were put; senders wait for room, the queue never refuses.

    Frames that answer frames (acknowledged PINGs, window updates, trailers) can't wait for room,
    so the reader of the connection pauses instead while too much is queued.

    ``progress`` is where tasks park until bytes have left; the connection wakes them for a
    reopened window too.
    """

    def __init__(self, transport: ByteTransport, *, write_timeout_seconds: float) -> None:
        self._transport = transport
        self._write_timeout_seconds = write_timeout_seconds
        self._waiting = bytearray()
        self._in_flight_bytes = 0
        self._put = trio.Event()
        self.progress = trio.lowlevel.ParkingLot()
        self.broken = False

    @property
    def size_bytes(self) -> int:
        """Bytes the operating system has not taken yet."""
        return len(self._waiting) + self._in_flight_bytes

    def put(self, data: bytes) -> None:
        """Queue bytes to be sent soon."""
        if data and not self.broken:
            self._waiting += data
            self._put.set()

    async def wait_below(self, byte_count: int) -> None:
        """Wait until fewer than ``byte_count`` bytes are queued, or sending is over."""
        while self.size_bytes >= byte_count and not self.broken:
            await self.progress.park()

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            trio.BrokenResourceError: the connection was lost.
            trio.TooSlowError: the peer took nothing for the write timeout.

        """
        try:
            while True:
                await self._put.wait()
                self._put = trio.Event()
                await self._send_waiting()
        finally:
            self.broken = True
            self._waiting.clear()
            self._in_flight_bytes = 0
            self.progress.unpark_all()

    async def _send_waiting(self) -> None:
        while self._waiting:
            data, self._waiting = bytes(self._waiting), bytearray()
            self._in_flight_bytes = len(data)
            with trio.fail_after(self._write_timeout_seconds):
                await self._transport.send_all(data)
            self._in_flight_bytes = 0
            self.progress.unpark_all()
