"""Autobahn|Testsuite, a fuzzing WebSocket client that nobody here wrote, against the transport.

https://github.com/crossbario/autobahn-testsuite. It needs Python 2.7, from PATH or from pyenv, and
is skipped where there is none; the rest is fetched. Its messages come back by a handler of this
test, on the door's own server. ``just autobahn`` runs its cases about limits and speed too.
"""

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from rowferry.wire.websocket_connection import ServedConnection
from rowferry.wire.websocket_handshake import HandshakeRules
from rowferry.wire.websocket_inbox import PeerLeftError
from rowferry.wire.websocket_limits import MIB, WebSocketLimits
from rowferry.wire.websocket_server import WebSocketServer
from tests.e2e.conftest import Measured

_PACKAGE: Final = "autobahntestsuite==25.10.1"
_FOLDER: Final = Path(__file__).parents[2] / "target" / "autobahn"
# addsitedir() reads .pth files, which namespace packages of that time need
_RUN: Final = (
    f"import site; site.addsitedir({str(_FOLDER)!r}); "
    "from autobahntestsuite.wstest import run; run()"
)
_INSTALL_SECONDS: Final = 300
_RUN_SECONDS: Final = 600
_FULL: Final = bool(os.environ.get("ROWFERRY_AUTOBAHN"))
# 9 is about limits and speed; 12 and 13 are about compression, which the door does not speak.
_LEFT_OUT: Final = ["12.*", "13.*"] if _FULL else ["9.*", "12.*", "13.*"]
_LIMITS: Final = WebSocketLimits(
    max_text_bytes=16 * MIB,
    max_control_frames_per_second=100_000,  # a case sends pings and bytes one by one
)
# A server may take the messages before a broken frame, or not: the suite allows both.
_NON_STRICT_AT_MOST: Final = 7

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(_INSTALL_SECONDS + _RUN_SECONDS),
]


async def test_the_suite_finds_no_fault(tmp_path: Path, measured: Measured) -> None:
    python = _python2()
    server = WebSocketServer(_echo, rules=HandshakeRules(), limits=_LIMITS)
    async with trio.open_nursery() as nursery:
        host, port = await nursery.start(server.serve, "127.0.0.1", 0)
        wishes = tmp_path / "wishes.json"
        wishes.write_text(json.dumps(_wishes(f"ws://{host}:{port}", tmp_path)))
        await trio.run_process(
            [python, "-c", _RUN, "-m", "fuzzingclient", "-s", wishes],
            capture_stdout=True,
            cwd=tmp_path,
        )
        nursery.cancel_scope.cancel()
    cases: dict[str, Any] = json.loads((tmp_path / "reports/index.json").read_text())["rowferry"]
    verdicts = Counter(case["behavior"] for case in cases.values())
    measured("Autobahn|Testsuite", f"{len(cases)} cases, {dict(verdicts)}")
    assert len(cases) >= 240
    bad = {
        name: case
        for name, case in cases.items()
        if case["behavior"] not in {"OK", "NON-STRICT", "INFORMATIONAL"}
        or case["behaviorClose"] not in {"OK", "INFORMATIONAL"}
    }
    assert not bad
    assert verdicts["NON-STRICT"] <= _NON_STRICT_AT_MOST


async def _echo(connection: ServedConnection) -> None:
    while True:
        message = await connection.inbox.take()
        try:
            await connection.send(message)
        except PeerLeftError:
            return


def _wishes(url: str, folder: Path) -> dict[str, object]:
    return {
        "outdir": str(folder / "reports"),
        "servers": [{"agent": "rowferry", "url": url}],
        "cases": ["*"],
        "exclude-cases": _LEFT_OUT,
        "exclude-agent-cases": {},
    }


def _python2() -> str:
    """Give a Python 2.7, with the suite fetched for it; skip the test where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = sorted(pyenv.glob("versions/2.7.*/bin/python"))
    python = shutil.which("python2.7", path=os.defpath) or (str(kept[-1]) if kept else None)
    if python is None:
        pytest.skip("Autobahn|Testsuite needs Python 2.7")
    if not (_FOLDER / "autobahntestsuite").exists():
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--target", _FOLDER, _PACKAGE],
            check=True,
            capture_output=True,
            timeout=_INSTALL_SECONDS,
        )
    return python
