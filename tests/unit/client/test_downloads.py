"""A download is whole and the promised one, or it is not there."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from rowferry.client.downloads import DownloadError, download
from rowferry.client.errors import UnreachableError
from tests.servers.answering_http import serving

CONTENT = b"bytes " * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Files(BaseHTTPRequestHandler):
    """Serves CONTENT under /file, half of it under /half, nothing else."""

    def do_GET(self) -> None:
        if self.path == "/hung-up":
            return  # without an answer
        if self.path == "/chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"8\r\nhalf")
            return
        if self.path not in {"/file", "/half"}:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/file" else CONTENT[: len(CONTENT) // 2])


@pytest.fixture
def site() -> Iterator[str]:
    with serving(Files) as address:
        yield address


def test_a_file_arrives_whole_with_its_hash(site: str, tmp_path: Path) -> None:
    downloaded = download(f"{site}/file", tmp_path / "out", sha256=SHA256)
    assert (downloaded.size_bytes, downloaded.sha256) == (len(CONTENT), SHA256)
    assert (tmp_path / "out").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "sha256", "message"),
    [
        ("/file", "0" * 64, "SHA-256"),
        ("/half", "", "broke 300000 bytes before the end"),
        ("/none", "", "404"),
    ],
)
def test_anything_else_leaves_the_place_as_it_was(
    site: str, tmp_path: Path, path: str, sha256: str, message: str
) -> None:
    (tmp_path / "out").write_bytes(b"before")
    with pytest.raises(DownloadError, match=message):
        download(site + path, tmp_path / "out", sha256=sha256)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_bytes() == b"before"


def test_a_download_that_is_not_wanted_any_more_leaves_nothing(site: str, tmp_path: Path) -> None:
    class NotWantedError(Exception):
        pass

    def check() -> None:
        raise NotWantedError

    with pytest.raises(NotWantedError):
        download(f"{site}/file", tmp_path / "out", check=check)
    assert not list(tmp_path.iterdir())


def test_a_connection_that_breaks_is_the_downloads_failure(site: str, tmp_path: Path) -> None:
    for path in ("/hung-up", "/chunks"):
        with pytest.raises(DownloadError, match="connection broke"):
            download(site + path, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_text_that_is_no_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no link"):
        download("file:///etc/passwd", tmp_path / "out")


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        download("http://127.0.0.1:1/d/x", tmp_path / "out")
