"""Debian's Chromium, driven through ``driver.mjs`` by one command after the other."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.process_figures import resident_bytes
from tests.readers.toolchains import find, node_modules

_FOLDER: Final = Path(__file__).parent
_STOP_SECONDS: Final = 30.0
DESKTOP: Final = {"width": 1280, "height": 860}
PHONE: Final = {"width": 390, "height": 844}


class BrowserFailedError(Exception):
    """The browser refused a command, or a page's script failed."""


class Browser:
    """A running Chromium."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Browser"]:
        """Run one until the block ends; raise MissingToolError where there is none."""
        chromium, node = find("chromium"), find("node")
        node_modules(_FOLDER)
        command = [node, str(_FOLDER / "driver.mjs"), chromium]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield cls(process)
                assert process.stdin is not None
                process.stdin.close()
                process.wait(_STOP_SECONDS)
            finally:
                process.kill()

    def order(self, command: dict[str, Any]) -> Any:  # noqa: ANN401  JSON
        """Have the driver do something and give its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(command), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline() or '{"error": "the driver ended"}')
        if "error" in answer:
            raise BrowserFailedError(answer["error"])
        return answer["value"]

    @contextmanager
    def page(self, address: str, **options: object) -> Iterator["Page"]:
        """Open a page that shares nothing with others; ``options`` are of Playwright's context."""
        number = self.order({"open": {"viewport": DESKTOP, **options}})
        page = Page(browser=self, number=number)
        try:
            page.call("goto", address)
            yield page
        finally:
            page.call("close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page; its methods are Playwright's."""

    browser: Browser
    number: int

    def call(self, method: str, *values: object) -> Any:  # noqa: ANN401  JSON
        """Call a method of Playwright's Page, or one of the driver's own."""
        return self.browser.order({"page": self.number, "call": method, "with": values})

    def run(self, function: str, *values: object) -> Any:  # noqa: ANN401  JSON
        """Call a function of the page's script, await it and give what it gives."""
        arguments = ", ".join(json.dumps(value) for value in values)
        return self.call("evaluate", f"{function}({arguments})")

    def heap_bytes(self) -> int:
        """Give what scripts and buffers of the page's main thread hold after a collection."""
        return int(self.call("heap"))

    def resident_bytes(self) -> int:
        """Give the memory of every renderer of the browser, workers included."""
        return sum(map(resident_bytes, self.call("renderers")))
