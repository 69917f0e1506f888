"""Keeps secrets and bearer links out of the log, whoever writes the line."""

import re
from collections.abc import Mapping
from typing import Any, Final

REDACTED: Final = "[redacted]"
_SECRET_WORDS: Final = ("token", "secret", "password", "authorization", "credential")
_LINK: Final = re.compile(r"/d/[0-9A-Za-z._~%-]+")
_MASKED_LINK: Final = "/d/…"
_TOKEN: Final = re.compile(r"rfy_[0-9A-Za-z]+")  # as access.token_text makes them
_MASKED_TOKEN: Final = "rfy_…"  # noqa: S105  what is left of one


def redacted(value: Any) -> Any:  # noqa: ANN401  a log field is anything
    """Give a log field without secrets at any depth: links and tokens cut, secret names masked."""
    match value:
        case str():
            without_links = _LINK.sub(_MASKED_LINK, value) if "/d/" in value else value
            return _TOKEN.sub(_MASKED_TOKEN, without_links) if "rfy_" in value else without_links
        case Mapping():
            return {
                name: REDACTED if _is_secret(name) else redacted(field)
                for name, field in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [redacted(item) for item in value]
        case _:
            return value


def _is_secret(name: object) -> bool:
    lowered = str(name).lower()
    return any(word in lowered for word in _SECRET_WORDS)
