"""A link as its receiver follows it: over HTTP, with nothing of the storage's library."""

import http.client
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from rowferry.cli.doctor.advice import NOT_TRUSTED, UNREACHED, is_about_trust

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
        host = urlsplit(url).netloc
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
    """Ask as other programs of this machine do: by the proxy that the environment names."""
    host = urlsplit(url).netloc
    request = Request(url, method=method)  # noqa: S310  http or https, by the settings
    try:
        with _opened(request) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = response.read(_MAX_BYTES)
            return Answer(status=response.status or 0, headers=headers, body=body)
    except (OSError, http.client.HTTPException) as error:
        if is_about_trust(error):
            raise LinkError(NOT_TRUSTED, f"{host} shows a certificate of no use") from error
        raise LinkError(UNREACHED, f"{host} does not answer") from error


def _opened(request: Request) -> http.client.HTTPResponse | HTTPError:
    try:
        response: http.client.HTTPResponse = urlopen(request, timeout=_SECONDS)  # noqa: S310  as above
    except HTTPError as answer:
        return answer
    return response
