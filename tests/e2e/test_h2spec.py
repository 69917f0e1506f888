"""h2spec, a conformance suite for HTTP/2 that nobody here wrote, against the service.

https://github.com/summerwind/h2spec
"""

import os
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.e2e import go_client as go
from tests.e2e.conftest import Measured
from tests.e2e.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

_MODULE: Final = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"
_TESTS: Final = 145
# 4 are skipped (they are for TLS, or for what HTTP/2 allows to differ). 2 fail with every gRPC
# server: they expect DATA in the answer to a GET, which a gRPC server refuses in its headers.
_MUST_PASS: Final = 139
_BUILD_SECONDS: Final = 300
_RUN_SECONDS: Final = 120
_HELD_BACK_SECONDS: Final = 0.02
_CHUNK_BYTES: Final = 65_536


@pytest.mark.timeout(_BUILD_SECONDS + _RUN_SECONDS)
async def test_http2_is_spoken_as_h2spec_understands_it(
    shared_service: ServiceProcess, measured: Measured
) -> None:
    program = _h2spec()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(_serve_gathering_proxy, shared_service.grpc)
        run = await trio.run_process(
            [str(program), "-h", "127.0.0.1", "-p", str(port)], capture_stdout=True, check=False
        )
        nursery.cancel_scope.cancel()
    report = run.stdout.decode()
    verdict = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", report)
    assert verdict is not None, report[-2000:]
    measured("h2spec", verdict[0])
    assert int(verdict[1]) == _TESTS
    assert int(verdict[2]) >= _MUST_PASS, report.partition("Failures:")[2]


async def _serve_gathering_proxy(
    target: str, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """Pass connections on; what a client sends in a burst arrives at once.

    Else the case of too many streams is a race: the service answers, and so ends, the first
    requests while h2spec is still opening more of them.
    """
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
    if not program.exists():
        subprocess.run(
            ["go", "install", _MODULE],
            env={**os.environ, "GOBIN": str(folder), "GOFLAGS": ""},
            check=True,
            timeout=_BUILD_SECONDS,
        )
    return program
