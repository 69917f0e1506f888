"""What docs/browser.md shows runs in a page, snippet by snippet, and keeps to the types."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.browser import pages
from tests.clients.browser.chromium import Browser
from tests.clients.browser.conftest import allowing
from tests.clients.browser.static_site import serving
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

_DOCUMENT: Final = Path(__file__).parents[3] / "docs/browser.md"
_SNIPPETS: Final = re.findall(
    r"^```ts\n(.*?)^```$", _DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL
)
_IMPORTED: Final = """
import { connect, InvalidRowError, RowferryError, type ExportSpec } from "@rowferry/client";
"""
_GIVEN: Final = """
const token = undefined;
const orders = [["Ada", "1.50"], { customer: "Linus", amount: 2 }];
const clicks: [Date, string][] = [[new Date(), "button"], [new Date(0), "link"]];
const link = document.createElement("a");
const label = document.createElement("output");
const bar = document.createElement("progress");
const stopButton = document.createElement("button");
const spec: ExportSpec = {
  filename: "orders", format: "csv", columns: ["customer", { name: "Amount", key: "amount" }],
};
const service = { ingest: "wss://exports.example:9092", http: "https://exports.example:9091" };
const { taskId } = await connect(service).exportRows(orders, spec);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    folder.mkdir()
    return folder


@pytest.fixture
def origin(folder: Path) -> Iterator[str]:
    with serving(folder) as origin:
        yield origin


@pytest.fixture
def service(tmp_path: Path, origin: str) -> Iterator[ServiceProcess]:
    data = tmp_path / "data"
    data.mkdir()
    with running_service(data, allowing(origin)) as service:
        yield service


def test_the_snippets_run(
    browser: Browser, folder: Path, origin: str, service: ServiceProcess
) -> None:
    source = folder / "snippets.ts"
    source.write_text(_module(service), encoding="utf-8")
    pages.bundle(folder, source)
    (folder / "index.html").write_text('<script type="module" src="snippets.js"></script>')
    with browser.page(f"{origin}/") as page:
        told = page.call("evaluate", "finished")
    assert len(_SNIPPETS) >= 6
    assert told["link"].startswith(f"http://{service.http}/d/")
    assert told["label"].startswith("Row 1, column 1: ")


def test_what_runs_in_pages_keeps_to_the_types(folder: Path, service: ServiceProcess) -> None:
    source = folder / "snippets.ts"
    source.write_text(_module(service), encoding="utf-8")
    pages.check_types(folder, source)
    pages.check_types(pages.EXAMPLE)
    pages.check_types(pages.LIBRARY_PAGE)


def _module(service: ServiceProcess) -> str:
    """Make a module of all snippets, each in a block of its own behind what it takes as given."""
    first, *others = (re.sub(r"(?m)^import .*$", "", snippet) for snippet in _SNIPPETS)
    blocks = "\n".join(f"{{{snippet}}}" for snippet in others)
    told = "return { link: link.href, label: label.textContent };"
    run = f"async function run() {{{_GIVEN}{first}{blocks}{told}}}"
    module = f"{_IMPORTED}{run}\nObject.assign(globalThis, {{ finished: run() }});\n"
    return module.replace("wss://exports.example:9092", f"ws://{service.websocket}").replace(
        "https://exports.example:9091", f"http://{service.http}"
    )
