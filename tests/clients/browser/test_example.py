"""The example page, used as people use it: with the keyboard, in the dark, over bad lines."""

import csv
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import openpyxl  # type: ignore[import-untyped]
import pytest

from bench.dataset import COLUMNS, rows
from tests.clients.browser import pages
from tests.clients.browser.chromium import DESKTOP, PHONE, Browser, Page
from tests.e2e.exported_files import assert_csv_holds, assert_xlsx_holds, download
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.cut_network import CutNetwork
from tests.readers.toolchains import find

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(180)]

ROWS: Final = 40_000


@pytest.fixture(scope="module")
def example(
    browser: Browser,  # where it is missing, nothing is built
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, CutNetwork, ServiceProcess]]:
    """The page's address, the network between it and the service, and the service."""
    pages.build_example()
    folder = tmp_path_factory.mktemp("example-service")
    with (
        running_service(folder, {"security.allowed_origins": '["*"]'}) as service,
        CutNetwork.before(service.websocket) as network,
        _example_site(f"http://{service.http}", f"ws://{network.address}") as address,
    ):
        yield address, network, service


@contextmanager
def _example_site(http: str, ingest: str) -> Iterator[str]:
    script = str(pages.EXAMPLE / "serve.mjs")
    command = [find("node"), script, "--port", "0", "--http", http, "--ingest", ingest]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set as a CSV file with Chinese and an emoji in its name."""
    file = tmp_path_factory.mktemp("orders") / "orders 订单 😀.csv"
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow([name for name, _ in COLUMNS])
        writer.writerows(["" if cell is None else cell for cell in row] for row in rows(ROWS))
    return file


def choose(page: Page, file: Path) -> None:
    page.call("setInputFiles", "#file", str(file))
    page.call("waitForSelector", "#settings:not([hidden])")


def start(page: Page) -> None:
    page.call("click", "#settings button[type=submit]")


def made(page: Page, folder: Path) -> Path:
    """Wait for the file and fetch it by the link that the page shows."""
    page.call("waitForSelector", "#done:not([hidden])")
    file = folder / "made"
    download(page.call("evaluate", "document.querySelector('#download').href"), file)
    return file


def assert_accessible(page: Page) -> None:
    assert page.call("audit") == []


def focused(page: Page) -> Any:  # noqa: ANN401  JSON
    return page.call("evaluate", "document.activeElement.id")


@pytest.mark.parametrize(
    ("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)], ids=["desktop", "dark phone"]
)
def test_every_state_is_accessible_and_a_cut_is_survived(
    browser: Browser,
    example: tuple[str, CutNetwork, ServiceProcess],
    orders: Path,
    tmp_path: Path,
    scheme: str,
    viewport: dict[str, int],
) -> None:
    address, network, _ = example
    with browser.page(address, colorScheme=scheme, viewport=viewport) as page:
        assert_accessible(page)
        choose(page, orders)
        assert_accessible(page)
        with network.down(after_bytes=500_000):  # who has met nobody gives up soon
            start(page)
            page.call("waitForSelector", "#phase.cut")
            assert_accessible(page)
            assert "reconnecting" in page.call("innerText", "#announcement")
        file = made(page, tmp_path)
        assert_accessible(page)
        assert page.call("innerText", "#done-title") == "orders 订单 😀.xlsx is ready"
        assert "40,000 rows" in page.call("innerText", "#summary")
        assert focused(page) == "done-title"
        assert _complaints(page) == []
    assert_xlsx_holds(file, ROWS)


def test_a_csv_file_comes_out_cell_by_cell(
    browser: Browser, example: tuple[str, CutNetwork, ServiceProcess], orders: Path, tmp_path: Path
) -> None:
    with browser.page(example[0]) as page:
        choose(page, orders)
        page.call("check", "[name=format][value=CSV]")
        start(page)
        assert_csv_holds(made(page, tmp_path), ROWS)


def test_a_file_is_dropped_into_the_page(
    browser: Browser, example: tuple[str, CutNetwork, ServiceProcess], tmp_path: Path
) -> None:
    with browser.page(example[0]) as page:
        assert page.call("evaluate", _dragged("dragover", "#drop")) == "taken"
        assert page.call("evaluate", "document.querySelector('#drop').matches('.over')")
        assert page.call("evaluate", _dragged("drop", "body")) == "taken"
        assert not page.call("evaluate", "document.querySelector('#drop').matches('.over')")
        page.call("waitForSelector", "#settings:not([hidden])")
        page.call("check", "[name=format][value=CSV]")
        start(page)
        assert made(page, tmp_path).read_bytes().decode() == "Name,Share\r\n名前 😀,0.5\r\n"
        # without a file nothing happens
        page.call("click", "#done .again")
        page.call("evaluate", _dragged("drop", "body", content=""))
        assert page.call("isVisible", "#file")
        assert _complaints(page) == []


def test_it_is_used_with_the_keyboard_alone(
    browser: Browser, example: tuple[str, CutNetwork, ServiceProcess], tmp_path: Path
) -> None:
    (tmp_path / "few.tsv").write_text("Name\tShare\n名前 😀\t0.5\n", encoding="utf-8")
    with browser.page(example[0]) as page:
        page.call("focus", "#file")
        choose(page, tmp_path / "few.tsv")
        assert focused(page) == "settings-title"
        page.call("focus", "#filename")
        page.call("press", "#filename", "Enter")
        page.call("waitForSelector", "#done:not([hidden])")
        page.call("press", "#done-title", "Tab")
        assert focused(page) == "download"
        page.call("press", "#download", "Tab")
        page.call("press", "#done .again", "Enter")
        assert focused(page) == "file"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Order,Price\n1,2.5\n2,3,4\n", "INVALID_ROW", ["Row\n2", "Expected", "Found\n3"]),
        ('Order,Price\n1,2.5\n2,"3" x\n', "CSV_SYNTAX", ["Row\n2", "Column\nPrice", "quote"]),
        ("Order,Order\n" + "1,2\n" * 3 + '"', "CSV_SYNTAX", ["Row\n4", "never closed"]),
    ],
    ids=["width", "text after a quote", "open quote"],
)
def test_a_bad_line_is_named_in_plain_words(
    browser: Browser,
    example: tuple[str, CutNetwork, ServiceProcess],
    tmp_path: Path,
    text: str,
    code: str,
    words: list[str],
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text, encoding="utf-8")
    with browser.page(example[0]) as page:
        choose(page, file)
        start(page)
        page.call("waitForSelector", "#failed:not([hidden])")
        assert page.call("innerText", "#code") == code
        shown = page.call("innerText", "#failed")
        assert [word for word in words if word not in shown] == []
        assert_accessible(page)


def test_cancel_ends_the_task(
    browser: Browser, example: tuple[str, CutNetwork, ServiceProcess], orders: Path
) -> None:
    address, network, service = example
    with browser.page(address) as page:
        choose(page, orders)
        with network.down(after_bytes=500_000):
            start(page)
            page.call("waitForSelector", "#phase.cut")
            page.call("click", "#cancel")
            page.call("waitForSelector", "#settings:not([hidden])")
        assert "Cancelled" in page.call("innerText", "#announcement")
    service.log.wait_for("TaskCancelled")


def test_another_encoding_is_noticed_and_can_be_chosen(
    browser: Browser, example: tuple[str, CutNetwork, ServiceProcess], tmp_path: Path
) -> None:
    file = tmp_path / "gb.csv"
    file.write_bytes("城市;人口\n北京;21893095\n上海;24870895\n".encode("gb18030"))
    with browser.page(example[0]) as page:
        choose(page, file)
        assert page.call("isVisible", "#guessed")
        page.call("selectOption", "#encoding", "gb18030")
        page.call("waitForSelector", "text=北京")
        assert page.call("inputValue", "#delimiter") == ";"
        start(page)
        workbook = openpyxl.load_workbook(BytesIO(made(page, tmp_path).read_bytes()))
    found = [list(row) for row in workbook.worksheets[0].iter_rows(values_only=True)]
    assert found == [["城市", "人口"], ["北京", 21893095], ["上海", 24870895]]


def _dragged(event: str, target: str, content: str = "Name\tShare\n名前 😀\t0.5\n") -> str:
    """Write a script that drags a file as a hand does; it gives whether the page wants it."""
    told = json.dumps({"event": event, "target": target, "content": content})
    return f"""(({{ event, target, content }}) => {{
        const dataTransfer = new DataTransfer();
        if (content) dataTransfer.items.add(new File([content], "few.tsv"));
        const options = {{ dataTransfer, bubbles: true, cancelable: true }};
        const dragged = new DragEvent(event, options);
        const isLeft = document.querySelector(target).dispatchEvent(dragged);
        return isLeft ? "left to the browser" : "taken";
    }})({told})"""


def _complaints(page: Page) -> list[str]:
    """Give what the console said, but for lost connections, of which the browser tells itself."""
    texts: list[str] = page.call("problems")
    return [text for text in texts if not text.startswith("WebSocket connection")]
