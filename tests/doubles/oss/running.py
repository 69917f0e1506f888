"""The double as tests start and use it: a process of its own, stopped by its id."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import msgspec

from tests.doubles.oss.faults import Fault
from tests.doubles.oss.orders import (
    Clear,
    ClearFaults,
    ComeBack,
    GoDown,
    MoveClock,
    Order,
    SetBucket,
)
from tests.doubles.oss.snapshot import Snapshot

BUCKET: Final = "exports"
REGION: Final = "cn-hangzhou"
ACCESS_KEY_ID: Final = "LTAI5tRowferryTest"
ACCESS_KEY_SECRET: Final = "of-tests"  # noqa: S105  known to this double alone
_CHECKOUT: Final = Path(__file__).parents[3]
_CONTROL_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 30.0


class OrderRefusedError(Exception):
    """The control port did not take an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OssDouble:
    """A running double, with one lasting access key; addresses are ``host:port``."""

    address: str
    control_address: str
    pid: int
    region: str = REGION
    bucket: str = BUCKET
    access_key_id: str = ACCESS_KEY_ID
    access_key_secret: str = ACCESS_KEY_SECRET

    @property
    def endpoint(self) -> str:
        """What OSS's SDKs call so: they put the bucket into the path of an IP address."""
        return f"http://{self.address}"

    def order(self, order: Order) -> int:
        """Have something done; gives a fault's number, else 0."""
        content = msgspec.json.encode(order)
        number: int = msgspec.json.decode(self._control("POST", type(order).__name__, content))
        return number

    def fail(self, *faults: Fault) -> None:
        """Have requests go wrong."""
        for fault in faults:
            self.order(fault)

    def heal(self) -> None:
        """Take all faults back."""
        self.order(ClearFaults())

    def clear(self) -> None:
        """Make it as it was at its start, but for buckets and keys that were added."""
        self.order(Clear())

    def move_clock(self, offset_seconds: float) -> None:
        """Set its clock so far from the system's."""
        self.order(MoveClock(offset_seconds=offset_seconds))

    @contextmanager
    def down(self) -> Iterator[None]:
        """Have it refuse connections until the block ends; those that are open are cut."""
        self.order(GoDown())
        try:
            yield
        finally:
            self.order(ComeBack())

    def lose_bucket(self, *, gone: bool = True) -> None:
        """Have the bucket gone, or back."""
        self.order(SetBucket(name=self.bucket, gone=gone))

    def snapshot(self) -> Snapshot:
        """Look at what is there."""
        return msgspec.json.decode(self._control("GET", "snapshot"), type=Snapshot)

    def _control(self, method: str, name: str, content: bytes = b"") -> bytes:
        connection = HTTPConnection(self.control_address, timeout=_CONTROL_SECONDS)
        try:
            connection.request(method, f"/{name}", content)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise OrderRefusedError(answer.decode())
        return answer


@contextmanager
def running_oss_double(*, folder: Path, arguments: Sequence[str] = ()) -> Iterator[OssDouble]:
    """Start a double that keeps its bodies below ``folder``, with the bucket BUCKET.

    ``arguments`` are further ones of its command line.
    """
    key = f"{ACCESS_KEY_ID}:{ACCESS_KEY_SECRET}"
    fixed = ("--bucket", BUCKET, "--key", key, "--folder", str(folder), "--stop-with-input")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.oss", *fixed, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_CHECKOUT,
    ) as process:
        try:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            yield OssDouble(
                address=addresses["oss"], control_address=addresses["control"], pid=process.pid
            )
            process.terminate()
            process.wait(_STOP_SECONDS)
        finally:
            process.kill()
