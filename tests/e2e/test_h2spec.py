"""h2spec, a conformance suite for HTTP/2 that nobody here wrote, against the service.

https://github.com/summerwind/h2spec
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

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


@pytest.mark.timeout(_BUILD_SECONDS + _RUN_SECONDS)
def test_http2_is_spoken_as_h2spec_understands_it(
    shared_service: ServiceProcess, measured: Measured
) -> None:
    host, port = shared_service.grpc.rsplit(":", 1)
    run = subprocess.run(
        [str(_h2spec()), "-h", host, "-p", port],
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_SECONDS,
    )
    verdict = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", run.stdout)
    assert verdict is not None, run.stdout[-2000:] + run.stderr
    failures = run.stdout.partition("Failures:")[2]
    measured("h2spec", verdict[0])
    assert int(verdict[1]) == _TESTS
    assert int(verdict[2]) >= _MUST_PASS, failures


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
