"""Where the service is, as people write it."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

DEFAULT_PORT: Final = 9090


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A host and a port; ``secure`` asks for TLS."""

    host: str
    port: int
    secure: bool = False


def parse_address(text: str) -> Address:
    """Read ``host:port``, ``http://host:port`` or ``https://host:port``; raise ValueError."""
    scheme, separator, rest = text.partition("://")
    parts = urlsplit(f"//{rest if separator else text}")
    try:
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, 0
    if not host or parts.path or (separator and scheme not in {"http", "https"}):
        raise ValueError(f"{text!r} is no address such as 127.0.0.1:9090 or https://host:9090.")
    return Address(host=host, port=port, secure=bool(separator) and scheme == "https")
