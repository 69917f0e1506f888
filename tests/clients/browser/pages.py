"""What the browser is shown: built by the client's own esbuild, once a run."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.readers.toolchains import find, node_modules

CLIENT: Final = Path(__file__).parents[3] / "clients/typescript"
EXAMPLE: Final = CLIENT / "example"
LIBRARY_PAGE: Final = Path(__file__).parent / "page"
_BUILD_SECONDS: Final = 120.0


@cache
def library_page() -> Path:
    """Give the folder of the page that calls the library."""
    built = LIBRARY_PAGE / "dist"
    bundle(built, LIBRARY_PAGE / "page.ts", LIBRARY_PAGE / "export_worker.ts")
    (built / "index.html").write_bytes((LIBRARY_PAGE / "index.html").read_bytes())
    return built


def bundle(folder: Path, *sources: Path) -> None:
    """Build scripts of pages into a folder, each with the library in it."""
    options = ["--bundle", "--format=esm", f"--outdir={folder}", "--log-level=warning"]
    library = f"--alias:@rowferry/client={CLIENT / 'src/index.ts'}"
    _run(node_modules(CLIENT) / ".bin/esbuild", *sources, *options, library)


def check_types(folder: Path, *sources: Path) -> None:
    """Check a folder by its tsconfig.json, or sources in it as those of the library's page are."""
    if sources:
        settings = {
            "extends": str(LIBRARY_PAGE / "tsconfig.json"),
            "compilerOptions": {
                "rootDir": "/",
                "noUnusedLocals": False,  # snippets show what there is
                "paths": {"@rowferry/client": [str(CLIENT / "src/index.ts")]},
            },
            "files": list(map(str, sources)),
            "include": [],
        }
        (folder / "tsconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    _run(node_modules(CLIENT) / ".bin/tsc", "-p", folder)


@cache
def build_example() -> None:
    """Build the example page, as its readers do."""
    node_modules(CLIENT)
    _run(find("node"), EXAMPLE / "build.mjs")


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
