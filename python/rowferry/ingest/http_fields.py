"""What a request says beside its body: its query string, and header fields that ask for things."""

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import parse_qsl

from rowferry.domain.errors import clip, invalid_metadata
from rowferry.domain.spec import MAX_REQUEST_ID_BYTES
from rowferry.wire.asgi import Scope, header

ANSWER_AT_ONCE: Final = -1
ANSWER_AT_THE_END: Final = 0
MAX_COUNT_DIGITS: Final = 18  # fits in a signed 64-bit integer
_MAX_WAIT_DIGITS: Final = 9
_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d+)\"?\s*(?=[,;]|$)", re.IGNORECASE)
_ASYNC: Final = re.compile(r"(?:^|[,;])\s*respond-async\s*(?=[,;]|$)", re.IGNORECASE)
_TRUTH: Final[Mapping[str, bool]] = {"": True, "true": True, "1": True, "false": False, "0": False}


def query_fields(scope: Scope, known: Collection[str]) -> dict[str, str]:
    """Read the query string; raise INVALID_METADATA for an unknown name or one given twice."""
    try:
        text = scope["query_string"].decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:  # UnicodeDecodeError is one
        raise invalid_metadata("", "The query string is not percent-encoded UTF-8.") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            message = "There is no such parameter."
            raise invalid_metadata(clip(name), message, expected=", ".join(sorted(known)))
        if name in fields:
            raise invalid_metadata(name, f"{name} is given more than once.")
        fields[name] = value
    return fields


def count_field(fields: Mapping[str, str], name: str) -> int:
    """Give a number of a query string that is not negative; 0 if it is not there."""
    text = fields.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_COUNT_DIGITS):
        raise invalid_metadata(name, f"{name} is a whole number.", expected=">= 0", got=text)
    return int(text)


def truth_field(fields: Mapping[str, str], name: str) -> bool:
    """Tell whether a parameter is there and not false."""
    text = fields.get(name, "false")
    if text.lower() not in _TRUTH:
        raise invalid_metadata(name, f"{name} is true or false.", got=text)
    return _TRUTH[text.lower()]


def idempotency_key(scope: Scope) -> str:
    """Give the request's own name for itself, "" if it has none."""
    key = header(scope, b"idempotency-key").strip()
    try:
        key = key.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise invalid_metadata("request_id", "Idempotency-Key is not UTF-8.") from None
    if len(key) > 1 and key[0] == key[-1] == '"':  # a string of RFC 9651, as its draft asks for
        key = key[1:-1]
    return key[: MAX_REQUEST_ID_BYTES + 1]


def preferred_wait_seconds(scope: Scope, otherwise: int) -> int:
    """Read ``Prefer: wait=N`` and ``respond-async`` (RFC 7240 §4), as ``wait_seconds`` has it."""
    text = header(scope, b"prefer")
    wait = _WAIT.search(text)
    if wait is not None:
        return int(wait[1][:_MAX_WAIT_DIGITS]) or ANSWER_AT_ONCE
    return ANSWER_AT_ONCE if _ASYNC.search(text) else otherwise
