"""h2spec, a conformance suite for HTTP/2 that nobody here wrote, against the service.

https://github.com/summerwind/h2spec
"""

import os
import subprocess
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest
import trio

from tests.e2e import go_client as go
from tests.e2e.conftest import Measured
from tests.e2e.service_process import ServiceProcess
from tests.readers.toolchains import INSTALL_TRIES

_MODULE: Final = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"
_TESTS: Final = 145
# They fail with every gRPC server: they expect DATA in the answer to a GET, which a gRPC server
# refuses in its headers.
_NOT_FOR_GRPC: Final = {
    ("generic/2", "Sends a WINDOW_UPDATE frame on half-closed (remote) stream"),
    ("generic/2", "Sends a PRIORITY frame on half-closed (remote) stream"),
}
_TOO_MANY_STREAMS: Final = "http2/5.1.2"
_BUILD_SECONDS: Final = 300
_RUN_SECONDS: Final = 120
_ANSWER_SECONDS: Final = 5
_HELD_BACK_SECONDS: Final = 1.0
_CHUNK_BYTES: Final = 65_536

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(_BUILD_SECONDS + _RUN_SECONDS)]


async def test_http2_is_spoken_as_h2spec_understands_it(
    shared_service: ServiceProcess, tmp_path: Path, measured: Measured
) -> None:
    cases = await _verdicts(shared_service.grpc, tmp_path / "report.xml")
    verdicts = Counter(verdict for *_, verdict in cases)
    measured("h2spec", f"{len(cases)} cases, {dict(verdicts)}")
    assert len(cases) == _TESTS
    fine = {"passed", "skipped"}
    failed = {(package, name) for package, name, verdict in cases if verdict not in fine}
    assert {case for case in failed if case[0] != _TOO_MANY_STREAMS} <= _NOT_FOR_GRPC


async def test_streams_that_come_at_once_are_limited_as_h2spec_understands_it(
    shared_service: ServiceProcess, tmp_path: Path
) -> None:
    """Alone, through a proxy that gathers them.

    Else it is a race: the service answers, and so ends, the first requests while h2spec is still
    opening more of them.
    """
    async with trio.open_nursery() as nursery:
        port = await nursery.start(_serve_gathering_proxy, shared_service.grpc)
        cases = await _verdicts(f"127.0.0.1:{port}", tmp_path / "report.xml", _TOO_MANY_STREAMS)
        nursery.cancel_scope.cancel()
    assert [verdict for *_, verdict in cases] == ["passed"]


async def _verdicts(address: str, report: Path, *sections: str) -> list[tuple[str, str, str]]:
    """Run the suite; give each case's section, name, and whether it passed."""
    host, port = address.rsplit(":", 1)
    options = ("-h", host, "-p", port, "-o", str(_ANSWER_SECONDS), "-j", str(report))
    await trio.run_process([_h2spec(), *sections, *options], capture_stdout=True, check=False)
    found = ET.parse(report).iter("testcase")  # noqa: S314  the suite's own
    return [
        (case.get("package", ""), case.get("classname", ""), next((e.tag for e in case), "passed"))
        for case in found
    ]


async def _serve_gathering_proxy(
    target: str, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """Pass connections on; what a client sends in a burst arrives at once."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    task_status.started(listeners[0].socket.getsockname()[1])
    await trio.serve_listeners(partial(_pass_on, target), listeners)


async def _pass_on(target: str, client: trio.SocketStream) -> None:
    host, port = target.rsplit(":", 1)
    service = await trio.open_tcp_stream(host, int(port))
    async with client, service, trio.open_nursery() as nursery:
        nursery.start_soon(_copy, service, client, 0)
        await _copy(client, service, _HELD_BACK_SECONDS)


async def _copy(
    source: trio.SocketStream, target: trio.SocketStream, held_back_seconds: float
) -> None:
    try:
        while data := await source.receive_some(_CHUNK_BYTES):
            gathered = bytearray(data)
            with trio.move_on_after(held_back_seconds):
                while more := await source.receive_some(_CHUNK_BYTES):
                    gathered += more
            await target.send_all(gathered)
        await target.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        await target.aclose()  # the suite breaks connections, and expects them broken


def _h2spec() -> Path:
    """Build the suite, or find it built."""
    missing = go.missing_tool()
    if missing and os.environ.get("CI"):
        pytest.fail(f"h2spec can't be built: {missing}")
    if missing:
        pytest.skip(f"h2spec can't be built: {missing}")
    folder = Path(go.__file__).parent / "go/bin"
    program = folder / "h2spec"
    for _ in range(INSTALL_TRIES):
        if program.exists():
            return program
        installed = subprocess.run(
            ["go", "install", _MODULE],
            env={**os.environ, "GOBIN": str(folder), "GOFLAGS": ""},
            check=False,
            timeout=_BUILD_SECONDS,
        )
    assert installed.returncode == 0
    return program
