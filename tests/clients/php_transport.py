"""PHP as the tests of its client run it: with one transport after the other."""

import functools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.service_process import ServiceProcess

PHP_CLIENT: Final = Path(__file__).parents[2] / "clients/php"
RUN_SECONDS: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class PhpTransport:
    """What `Rowferry::connect` is told, and the extensions that PHP needs for it."""

    name: str
    extensions: tuple[str, ...] = ()

    def address(self, service: ServiceProcess) -> str:
        """Give the door that the transport knocks at."""
        return service.http if self.name == "http" else service.grpc

    def command(self, *arguments: object) -> list[str]:
        """Give the command line of PHP with the extensions, which are built if need be."""
        loaded = [f"-dextension={built_extension(name)}" for name in self.extensions]
        return ["php", *loaded, *map(str, arguments)]

    def environment(self, address: str, **more: str) -> dict[str, str]:
        """Give the environment that PHP's programs and tests read."""
        # To ext-grpc any GRPC_ENABLE_FORK_SUPPORT means yes, even the 0 of the other tests.
        inherited = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("ROWFERRY", "GRPC_"))
        }
        chosen = {"ROWFERRY_ADDRESS": address, "ROWFERRY_TRANSPORT": self.name}
        return inherited | chosen | more

    def run(
        self, arguments: tuple[object, ...], address: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
            env=self.environment(address, **environment),
        )


TRANSPORTS: Final = {
    "curl": PhpTransport(name="curl"),
    "ext-grpc": PhpTransport(name="ext-grpc", extensions=("grpc",)),
    "ext-grpc beside ext-protobuf": PhpTransport(name="ext-grpc", extensions=("grpc", "protobuf")),
    "http": PhpTransport(name="http"),
}


def built_extension(name: str) -> Path:
    """Give the extension's file; skip where it can't be built, unless CI asks."""
    folder, why = _built_extensions()
    if folder is None:
        if os.environ.get("CI"):
            pytest.fail(f"PHP's extensions can't be built: {why}")
        pytest.skip(f"PHP's extensions can't be built: {why}")
    return folder / f"{name}.so"


@functools.cache
def _built_extensions() -> tuple[Path | None, str]:
    made = subprocess.run(
        [PHP_CLIENT / "tests/build-extensions"], capture_output=True, text=True, check=False
    )
    if made.returncode:
        return None, made.stderr
    return Path(made.stdout.strip()), ""
