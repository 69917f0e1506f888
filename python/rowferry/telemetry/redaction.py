"""Keeps secrets and bearer links out of the log, whoever writes the line."""

import re
from collections.abc import Mapping
from typing import Any, Final

REDACTED: Final = "[redacted]"
_SECRET_WORDS: Final = ("token", "secret", "password", "authorization", "credential")
_LINK: Final = re.compile(r"/d/[0-9A-Za-z._~%-]+")
_MASKED_LINK: Final = "/d/…"


def redacted(value: Any) -> Any:  # noqa: ANN401  a log field is anything
    """Give a log field without secrets: values of secret names masked, links cut, at any depth."""
    match value:
        case str():
            return _LINK.sub(_MASKED_LINK, value) if "/d/" in value else value
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
