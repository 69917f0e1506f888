"""The round trips of OSS's SDKs: each in its own language, with the same arguments and report.

Arguments: endpoint, region, bucket, access key id, its secret, "v1" or "v4" for the signatures,
and where the endpoint is OSS's own: the proxy that leads there. ali-oss, which signs no URLs for
IP addresses, gets the endpoint of its links there. The report is an object in JSON.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.doubles.oss.running import OssDouble
from tests.readers.toolchains import find, go_program, needs, node_modules

_PROGRAMS: Final = Path(__file__).parent / "programs"
_OSS_ENDPOINT: Final = "http://oss-cn-hangzhou.aliyuncs.com"
_RUN_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """An SDK, and in which way it is told where the bucket is."""

    name: str
    command: Callable[[], Sequence[str]]
    endpoint: Callable[[OssDouble], str]
    beside: Callable[[OssDouble], str] = lambda _: ""
    """The last argument: a proxy, or the endpoint of links."""

    def run(self, double: OssDouble, version: str) -> dict[str, Any]:
        """Run it to its end and give its report."""
        keys = (double.access_key_id, double.access_key_secret, version)
        with needs(self.name):
            command = self.command()
        arguments = (self.endpoint(double), double.region, double.bucket, *keys)
        completed = subprocess.run(
            [*command, *arguments, self.beside(double)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_RUN_SECONDS,
        )
        assert completed.returncode == 0, completed.stderr
        report: dict[str, Any] = json.loads(completed.stdout)
        return report


def _oss2() -> Sequence[str]:
    return (sys.executable, str(_PROGRAMS / "oss2_round_trip.py"))


def _go() -> Sequence[str]:
    return (str(go_program(_PROGRAMS / "go", "round_trip")),)


def _node() -> Sequence[str]:
    node_modules(_PROGRAMS / "node")
    return (find("node"), str(_PROGRAMS / "node/round_trip.js"))


def _by_address(double: OssDouble) -> str:
    return double.endpoint


def _by_name(double: OssDouble) -> str:
    return double.endpoint.replace("127.0.0.1", "localhost")


def _as_oss(_: OssDouble) -> str:
    return _OSS_ENDPOINT


ROUND_TRIPS: Final = (
    RoundTrip(name="oss2", command=_oss2, endpoint=_by_address),
    RoundTrip(name="oss2 by proxy", command=_oss2, endpoint=_as_oss, beside=_by_address),
    RoundTrip(name="Go", command=_go, endpoint=_by_address),
    RoundTrip(name="Go by proxy", command=_go, endpoint=_as_oss, beside=_by_address),
    RoundTrip(name="ali-oss", command=_node, endpoint=_by_address, beside=_by_name),
    RoundTrip(name="ali-oss by name", command=_node, endpoint=_by_name, beside=_by_name),
)
