"""What the browser is shown: built by the client's own esbuild, once a run."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.readers.toolchains import find, node_modules

CLIENT: Final = Path(__file__).parents[3] / "clients/typescript"
EXAMPLE: Final = CLIENT / "example"
_PAGE: Final = Path(__file__).parent / "page"
_BUILD_SECONDS: Final = 120.0


@cache
def library_page() -> Path:
    """Give the folder of the page that calls the library."""
    built = _PAGE / "dist"
    options = ["--bundle", "--format=esm", f"--outdir={built}", "--log-level=warning"]
    library = f"--alias:@rowferry/client={CLIENT / 'src/index.ts'}"
    _run(_esbuild(), _PAGE / "page.ts", _PAGE / "export_worker.ts", *options, library)
    (built / "index.html").write_bytes((_PAGE / "index.html").read_bytes())
    return built


@cache
def build_example() -> None:
    """Build the example page, as its readers do."""
    node_modules(CLIENT)
    _run(find("node"), EXAMPLE / "build.mjs")


def _esbuild() -> Path:
    return node_modules(CLIENT) / ".bin/esbuild"


def _run(*command: object) -> None:
    """Run a step of a build; its output is the error's text."""
    completed = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_SECONDS,
    )
    if completed.returncode:
        raise RuntimeError(f"{command}\n{completed.stdout}{completed.stderr}")
