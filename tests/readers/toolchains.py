"""What the readers need to run: found on this machine, filled from locks, built."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import pytest

PROGRAMS: Final = Path(__file__).parent / "programs"
INSTALL_SECONDS: Final = 600.0
INSTALL_TRIES: Final = 3  # a registry may be away for a moment


class MissingToolError(Exception):
    """A program that a reader needs is not on this machine."""


@contextmanager
def needs(what: str) -> Iterator[None]:
    """Skip the test if a tool is missing; where CI lacks it, fail."""
    try:
        yield
    except MissingToolError as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{what} can't be started: {missing}")
        pytest.skip(f"{what} can't be started: {missing}")


def find(program: str) -> str:
    """Give the program's path; raise MissingToolError if there is none."""
    path = shutil.which(program)
    if path is None:
        raise MissingToolError(f"{program} is not installed")
    return path


@cache
def node_modules(folder: Path = PROGRAMS / "node") -> Path:
    """Install what package-lock.json names, once."""
    npm = find("npm")
    installed = folder / "node_modules" / ".package-lock.json"
    if _is_older(installed, [folder / "package-lock.json"]):
        _run(folder, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    return folder / "node_modules"


@cache
def go_program(folder: Path = PROGRAMS / "go", name: str = "readers") -> Path:
    """Build the Go programs of a folder; Go itself knows what is up to date."""
    go = find("go")
    _run(folder, go, "vet", ".")
    _run(folder, go, "build", "-o", f"bin/{name}", ".")
    return folder / "bin" / name


@cache
def java_classpath() -> str:
    """Fetch what pom.xml names and compile the Java readers, if either is out of date."""
    folder = PROGRAMS / "java"
    target = folder / "target"
    libraries, classes = target / "libraries", target / "classes"
    compiler, maven = find("javac"), find("mvn")
    if _is_older(libraries, [folder / "pom.xml"]):
        _run(folder, maven, "--quiet", "--batch-mode", "dependency:copy-dependencies")
        libraries.touch()
    classpath = f"{classes}:{libraries}/*"
    sources = sorted(folder.glob("*.java"))
    if _is_older(classes, [*sources, libraries]):
        warnings = ["-Xlint:deprecation,unchecked", "-Werror"]
        options = [*warnings, "-cp", f"{libraries}/*", "-d", str(classes)]
        _run(folder, compiler, *options, *map(str, sources))
        classes.touch()
    return classpath


def _is_older(made: Path, sources: list[Path]) -> bool:
    if not made.exists():
        return True
    return made.stat().st_mtime < max(source.stat().st_mtime for source in sources)


def _run(folder: Path, *command: str) -> None:
    """Run a step of a build, again if it fails; its output is the error's text."""
    for _ in range(INSTALL_TRIES):
        completed = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
        if completed.returncode == 0:
            return
    raise RuntimeError(f"{' '.join(command)}\n{completed.stdout}{completed.stderr}")
