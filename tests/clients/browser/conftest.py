"""One Chromium for all tests of a run, the sites it visits, and services that let them in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.browser import pages
from tests.clients.browser.chromium import Browser, Page
from tests.clients.browser.static_site import serving
from tests.e2e.service_process import ServiceProcess, running_service
from tests.readers.toolchains import needs


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with needs("Chromium"), Browser.running() as browser:
        yield browser


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The origin of the page that calls the library."""
    with needs("the client's build"):
        folder = pages.library_page()
    with serving(folder) as origin:
        yield origin


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    with browser.page(f"{site}/") as page:
        yield page
        complaints = page.call("problems")  # of lost connections the browser complains itself
        assert [text for text in complaints if not text.startswith("WebSocket connection")] == []


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, site: str) -> Iterator[ServiceProcess]:
    """One service for all tests that leave it as they found it."""
    folder: Path = tmp_path_factory.mktemp("browser-service")
    with running_service(folder, allowing(site)) as running:
        yield running


def allowing(*origins: str) -> dict[str, object]:
    """Give the settings with which pages of some origins may call a service."""
    return {"security.allowed_origins": json.dumps(origins)}
