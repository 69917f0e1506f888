"""The PHP client writes and reads protobuf by hand: the same bytes as protoc's PHP classes."""

import importlib.util
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.clients.php_transport import PHP_CLIENT, PhpTransport

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

PROTO: Final = PHP_CLIENT.parents[1] / "proto"
RUNTIME: Final = Path("/usr/share/php/Google/Protobuf/Internal/Message.php")
FIXED_SEED: Final = 7
RUNTIMES: Final = {
    "Google's classes in PHP": PhpTransport(name="curl"),
    "ext-protobuf": PhpTransport(name="curl", extensions=("protobuf",)),
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate PHP classes of the contract, and of what errors are told in."""
    missing = [] if shutil.which("protoc") else ["protoc"]
    missing += [] if RUNTIME.exists() else ["php-google-protobuf"]
    if missing and os.environ.get("CI"):
        pytest.fail(f"missing: {missing}")
    if missing:
        pytest.skip(f"missing: {missing}")
    folder = tmp_path_factory.mktemp("generated")
    known = [_folder("grpc_tools") / "_proto", _folder("google.rpc").parents[1]]
    files = [
        "rowferry/v1/export.proto",
        "google/rpc/status.proto",
        "google/rpc/error_details.proto",
    ]
    includes = [f"-I{path}" for path in (PROTO, *known)]
    subprocess.run(["protoc", *includes, f"--php_out={folder}", *files], check=True, cwd=PROTO)
    return folder


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_messages_are_those_of_the_contract(generated: Path, runtime: str) -> None:
    seed = FIXED_SEED if os.environ.get("CI") else random.randrange(2**31)  # noqa: S311  no secret
    tests = PHP_CLIENT / "tests/Wire"
    arguments = (
        "--no-configuration",
        "--do-not-cache-result",
        "--bootstrap",
        tests / "bootstrap.php",
        tests,
    )
    done = RUNTIMES[runtime].run(
        (shutil.which("phpunit"), *arguments),
        "127.0.0.1:9",
        ROWFERRY_GENERATED=str(generated),
        ROWFERRY_SEED=str(seed),
    )
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}{done.stderr}"
    assert "\nOK (" in done.stdout
