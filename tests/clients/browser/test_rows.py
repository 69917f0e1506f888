"""Rows leave a real browser's page for a service of another origin."""

import hashlib
import json
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients.browser import pages
from tests.clients.browser.chromium import Browser, Page
from tests.clients.browser.conftest import allowing
from tests.clients.browser.static_site import serving
from tests.e2e.exported_files import assert_csv_holds, assert_xlsx_holds, download
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.cut_network import CutNetwork

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(180)]

ROWS: Final = 100_000
CUTS: Final = 9
BYTES_BETWEEN_CUTS: Final = 1_500_000
MOST_ROWS_HELD: Final = 80_000
MOST_HEAP_BYTES: Final = 40 * 2**20
MOST_GROWTH_BYTES: Final = 8 * 2**20
# Of whole processes, which collect when they like: rows that stayed would be 80 MiB.
MOST_RESIDENT_GROWTH_BYTES: Final = 48 * 2**20


def order(service: ServiceProcess, **wishes: object) -> dict[str, object]:
    addresses = {"http": f"http://{service.http}", "ingest": f"ws://{service.websocket}"}
    return {**addresses, "rows": ROWS, "format": "csv", **wishes}


def completed(ended: dict[str, Any]) -> Any:  # noqa: ANN401  JSON
    assert "error" not in ended, ended
    assert ended["result"]["status"] == "COMPLETED"
    return ended["result"]


@pytest.fixture(scope="session")
def whole(
    browser: Browser, site: str, service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The SHA-256 of the files that a page makes when nothing is cut, each checked by cell."""
    sums = {}
    for file_format, holds in (("csv", assert_csv_holds), ("xlsx", assert_xlsx_holds)):
        with browser.page(f"{site}/") as page:
            page.run("begin", order(service, format=file_format))
            result = completed(page.run("ended"))
        file = tmp_path_factory.mktemp("whole") / file_format
        sums[file_format] = download(result["ossUrl"], file)
        assert result["checksumSha256"] == sums[file_format]
        holds(file, ROWS)
    return sums


def test_a_page_that_is_cut_off_nine_times_makes_the_same_file(
    page: Page, service: ServiceProcess, whole: dict[str, str]
) -> None:
    with CutNetwork.before(service.websocket) as network:
        network.reset_after(BYTES_BETWEEN_CUTS, times=CUTS)
        page.run("begin", order(service, ingest=f"ws://{network.address}", format="xlsx"))
        result = completed(page.run("ended"))
        assert network.cuts_to_come == 0
    assert page.run("standing")["reconnects"] >= CUTS
    assert result["checksumSha256"] == whole["xlsx"]


def test_many_rows_at_once_make_the_same_file(
    page: Page, service: ServiceProcess, whole: dict[str, str]
) -> None:
    page.run("begin", order(service, rowsAtOnce=1001))
    assert completed(page.run("ended"))["checksumSha256"] == whole["csv"]


def test_so_does_a_worker(page: Page, service: ServiceProcess, whole: dict[str, str]) -> None:
    with CutNetwork.before(service.websocket) as network:
        network.reset_after(BYTES_BETWEEN_CUTS, times=CUTS)
        told = page.run("inWorker", order(service, ingest=f"ws://{network.address}"))
        assert network.cuts_to_come == 0
    assert told["standing"]["reconnects"] >= CUTS
    assert completed(told["ended"])["checksumSha256"] == whole["csv"]


def test_a_page_survives_kill_9_of_the_service(
    page: Page, site: str, tmp_path: Path, whole: dict[str, str]
) -> None:
    settings = allowing(site) | _fixed_ports()
    with running_service(tmp_path, settings) as service:
        page.run("begin", order(service, allowedRows=ROWS // 2))
        page.run("keeps", ROWS // 4)
        service.kill()
    page.run("allow", ROWS)
    with running_service(tmp_path, settings):
        result = completed(page.run("ended"))
    assert result["checksumSha256"] == whole["csv"]
    assert page.run("standing")["reconnects"] >= 1


def test_a_page_holds_little_however_long_the_service_takes(
    page: Page, service: ServiceProcess
) -> None:
    """A service that is stopped takes nothing: what the page has drawn stays in its memory."""
    page.run("begin", order(service, rows=6 * ROWS, allowedRows=ROWS))
    heaps, resident = [], []
    for allowed in range(ROWS, 6 * ROWS, ROWS):
        page.run("keeps", allowed)
        with _stopped(service):
            page.run("allow", allowed + ROWS)
            page.call("until", "standing().isWaiting")
            heaps.append(page.heap_bytes())
            resident.append(page.resident_bytes())
            assert page.run("standing")["drawnRows"] - allowed < MOST_ROWS_HELD
    completed(page.run("ended"))
    assert max(heaps) < MOST_HEAP_BYTES
    assert heaps[-1] - heaps[1] < MOST_GROWTH_BYTES
    assert resident[-1] - resident[1] < MOST_RESIDENT_GROWTH_BYTES


def test_progress_arrives_while_rows_are_still_sent(page: Page, service: ServiceProcess) -> None:
    page.run("begin", order(service, allowedRows=ROWS // 2))
    page.call("until", "standing().stages.includes('PROCESSING WRITING')")
    page.run("allow", ROWS)
    assert completed(page.run("ended"))["recordCount"] == ROWS


def test_a_page_shows_its_token_to_every_door(page: Page, site: str, tmp_path: Path) -> None:
    token = secrets.token_urlsafe(32)
    known = f'name = "site"\ntoken_sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
    settings_file = tmp_path / "settings.toml"
    settings_file.write_text(
        f'[security]\nauth_enabled = true\nallowed_origins = ["{site}"]\n'
        f"[[security.clients]]\n{known}"
    )
    arguments = ("-m", "rowferry", "serve", "--config", str(settings_file))
    data = tmp_path / "data"
    data.mkdir()
    with running_service(data, arguments=arguments) as service:
        page.run("begin", order(service))
        assert page.run("ended")["error"]["name"] == "UnauthenticatedError"
        for shown in ({}, {"token": "unknown"}):
            refused = page.run("watchRefused", order(service, **shown))
            assert refused == ["UnauthenticatedError", "UNAUTHENTICATED"]
        watched = json.dumps(order(service, token=token))
        page.call("evaluate", f"void (globalThis.seen = watched({watched}, 1))")
        page.run("begin", order(service, token=token))
        task_id = completed(page.run("ended"))["taskId"]
        states = page.call("evaluate", "seen")
        assert states[-1] == f"{task_id} COMPLETED"
        status = f"rowferry.connect({watched}).status('{task_id}')"
        assert page.call("evaluate", status)["recordsProcessed"] == ROWS


def test_a_page_of_another_site_is_kept_out(browser: Browser, service: ServiceProcess) -> None:
    with serving(pages.library_page()) as elsewhere, browser.page(f"{elsewhere}/") as page:
        page.run("begin", order(service, rows=1) | {"connectForSeconds": 0})
        error = page.run("ended")["error"]
    assert (error["name"], error["code"]) == ("UnreachableError", "UNREACHABLE")
    assert error["message"].endswith(f" Is {elsewhere} in allowed_origins?")


@cache
def _fixed_ports() -> dict[str, object]:
    """Ports at which a service comes back after it was killed."""
    with ExitStack() as held:
        ports = [
            held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for _ in range(2)
        ]
    return dict(zip(("server.status_port", "server.websocket_port"), ports, strict=True))


@contextmanager
def _stopped(service: ServiceProcess) -> Iterator[None]:
    """Have the service neither read nor answer until the block ends."""
    service.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        service.process.send_signal(signal.SIGCONT)
