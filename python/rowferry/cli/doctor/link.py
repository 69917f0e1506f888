"""A link as its receiver follows it: over HTTP, with nothing of the storage's library."""

import http.client
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from rowferry.cli.doctor.advice import NOT_TRUSTED, UNREACHED

_SECONDS: Final = 15.0
_MAX_BYTES: Final = 64 << 10
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")


class LinkError(Exception):
    """An address did not give what it is for; ``code`` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said, its body up to 64 KiB."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


def download(url: str) -> Answer:
    """Follow a link; raise LinkError for anything but the file."""
    answer = _ask("GET", url)
    if answer.status != HTTPStatus.OK:
        found = _CODE.search(answer.body)
        code = found[1].decode() if found else f"HTTP {answer.status}"
        host = urlsplit(url).hostname
        raise LinkError(code, f"{host} refuses the link with status {answer.status}")
    return answer


def clock_difference_seconds(endpoint_url: str) -> float | None:
    """Tell how far a server's clock is ahead of this machine's; None if it does not say.

    Servers tell whole seconds, so less than one is none. Raises LinkError.
    """
    asked_at = time.time()
    date = _ask("HEAD", endpoint_url).headers.get("date")
    now = (asked_at + time.time()) / 2
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5 - now if date else None
    except ValueError:
        return None


def _ask(method: str, url: str) -> Answer:
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request(method, target)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=headers, body=response.read(_MAX_BYTES))
    except ssl.SSLCertVerificationError as error:
        raise LinkError(NOT_TRUSTED, f"{parts.hostname}: {error.verify_message}") from error
    except (OSError, http.client.HTTPException) as error:
        raise LinkError(UNREACHED, f"{parts.hostname} does not answer") from error
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS)
    return http.client.HTTPConnection(host, port, timeout=_SECONDS)
