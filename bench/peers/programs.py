"""The programs that hold the writers: how each is built and called, whose versions it has."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from bench.figures import CHECKOUT
from bench.peers.contestants import CONTESTANTS, Contestant

_FOLDER: Final = Path(__file__).parent
_RUST: Final = _FOLDER / "rust"
_GO: Final = _FOLDER / "go"
_JAVA: Final = _FOLDER / "java"
_PYTHON: Final = _FOLDER / "python"
_ENVIRONMENT: Final = CHECKOUT / "target/bench-peers-python"
_POM: Final = {"pom": "http://maven.apache.org/POM/4.0.0"}
JAVA_HEAP: Final = "-Xmx1g"  # a quarter of the machine's memory otherwise


def build(program: str) -> list[str]:
    """Build a program from its locked packages; give the start of its command lines.

    What follows is the writer, the file of batches, a row count and the path to write to.
    """
    return _BUILDERS[program]()


def versions() -> dict[str, str]:
    """Give the locked versions of all libraries that are measured, by their packages' names."""
    found: dict[str, str] = {}
    for contestant in CONTESTANTS:
        if contestant.package:
            found[contestant.package] = version(contestant)
    return found


def version(contestant: Contestant) -> str:
    """Give the locked version of a contestant's package."""
    return dict(_LOCKED[contestant.program]())[contestant.package]


def build_rust() -> list[str]:
    """Build the Rust peers, which ``just bench`` measures too."""
    _run("cargo", "build", "--release", "--locked", "--quiet", folder=_RUST)
    return [str(_RUST / "target/release/rowferry-bench-peers")]


def _build_core() -> list[str]:
    return [sys.executable, "-m", "bench.core_program"]


def _build_go() -> list[str]:
    _run("go", "build", "-o", "target/bench-peers", ".", folder=_GO)
    return [str(_GO / "target/bench-peers")]


def _build_java() -> list[str]:
    _run("mvn", "--quiet", "--batch-mode", "package", folder=_JAVA)
    return ["java", JAVA_HEAP, "-cp", f"{_JAVA}/target/jars/*", "rowferry.bench.Main"]


def _build_python() -> list[str]:
    if not _ENVIRONMENT.exists():
        _run("uv", "venv", "--quiet", "--python", sys.executable, str(_ENVIRONMENT))
    locked = ("--require-hashes", str(_PYTHON / "requirements.lock"))
    _run("uv", "pip", "sync", "--quiet", "--python", str(_ENVIRONMENT), *locked)
    return [str(_ENVIRONMENT / "bin/python"), "-m", "bench.peers.python"]


_BUILDERS: Final[dict[str, Callable[[], list[str]]]] = {
    "core": _build_core,
    "rust": build_rust,
    "go": _build_go,
    "java": _build_java,
    "python": _build_python,
}


def _run(*command: str, folder: Path = CHECKOUT) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, cwd=folder, env=environment, check=True)


def _cargo_lock() -> Iterator[tuple[str, str]]:
    lock = tomllib.loads((_RUST / "Cargo.lock").read_text(encoding="utf-8"))
    return ((package["name"], package["version"]) for package in lock["package"])


def _go_modules() -> Iterator[tuple[str, str]]:
    text = (_GO / "go.mod").read_text(encoding="utf-8")
    return ((found[1], found[2]) for found in re.finditer(r"(\S+) v(\d\S+)", text))


def _maven_dependencies() -> Iterator[tuple[str, str]]:
    pom = ET.parse(_JAVA / "pom.xml")  # noqa: S314 - our own
    for dependency in pom.iterfind(".//pom:dependency", _POM):
        group, artifact, number = (
            dependency.findtext(f"pom:{tag}", "", _POM)
            for tag in ("groupId", "artifactId", "version")
        )
        yield f"{group}:{artifact}", number


def _python_lock() -> Iterator[tuple[str, str]]:
    text = (_PYTHON / "requirements.lock").read_text(encoding="utf-8")
    return ((found[1], found[2]) for found in re.finditer(r"(?m)^(\S+)==(\S+)", text))


_LOCKED: Final = {
    "rust": _cargo_lock,
    "go": _go_modules,
    "java": _maven_dependencies,
    "python": _python_lock,
}
