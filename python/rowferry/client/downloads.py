"""Finished files come back by their links. Blocking: call it in a thread."""

import hashlib
import http.client
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from rowferry.client.errors import RowferryError, UnreachableError

TIMEOUT_SECONDS: Final = 60  # without a byte
_PIECE_BYTES: Final = 256 * 2**10


class DownloadError(RowferryError):
    """The link gave no file, or not the one that was promised."""

    def __init__(self, message: str) -> None:
        super().__init__("DOWNLOAD_FAILED", message)
        self.args = (message,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A file that is whole at its place."""

    path: Path
    size_bytes: int
    sha256: str


def download(
    link: str,
    path: Path,
    *,
    sha256: str = "",
    ca_file: str | None = None,
    check: Callable[[], None] = lambda: None,
) -> Downloaded:
    """Fetch a link into ``path``, which appears only when whole and, if given, of that SHA-256.

    The link may lead on to a bucket. Authorities are the system's, and those in ``ca_file`` (PEM).
    ``check`` is called between pieces; what it raises ends the download.

    Raises DownloadError, UnreachableError, or OSError for a place that can't be written.
    """
    if not link.startswith(("http://", "https://")):
        raise DownloadError("There is no link to a file.")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as part:
        part_path = Path(part.name)
        try:
            digest = _fetch(link, part, ca_file, check)
            _check_digest(digest, sha256)
            size_bytes = part.tell()
            part.flush()
            part_path.chmod(0o644)
            part_path.replace(path)
        except BaseException:
            part_path.unlink(missing_ok=True)
            raise
    return Downloaded(path=path, size_bytes=size_bytes, sha256=digest)


def _check_digest(digest: str, promised: str) -> None:
    if promised and digest != promised:
        raise DownloadError(f"The file's SHA-256 is {digest}, not {promised}.")


def _fetch(link: str, file: IO[bytes], ca_file: str | None, check: Callable[[], None]) -> str:
    """Copy the link's bytes into a file; return their SHA-256."""
    digest = hashlib.sha256()
    tls = ssl.create_default_context()
    if ca_file:
        tls.load_verify_locations(ca_file)
    with _answered():
        answer = urllib.request.urlopen(link, timeout=TIMEOUT_SECONDS, context=tls)  # noqa: S310  checked
    with answer:
        while piece := _piece(answer):
            check()
            digest.update(piece)
            file.write(piece)
        missing = answer.length  # http.client counts down to 0
    if missing:
        raise DownloadError(f"The connection broke {missing} bytes before the end.")
    return digest.hexdigest()


def _piece(answer: http.client.HTTPResponse) -> bytes:
    with _answered():
        return answer.read(_PIECE_BYTES)


@contextmanager
def _answered() -> Iterator[None]:
    """Tell of a server's failures in this client's words."""
    try:
        yield
    except urllib.error.HTTPError as exc:
        with exc:
            raise DownloadError(f"The link answers {exc.code} {exc.reason}.") from exc
    except urllib.error.URLError as exc:
        raise UnreachableError(f"The link can't be reached: {exc.reason}") from exc
    except (http.client.HTTPException, OSError) as exc:
        raise DownloadError(f"The connection broke: {exc!r}") from exc
