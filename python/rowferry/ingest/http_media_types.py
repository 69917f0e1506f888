"""What a request's body is made of: the media types that bring rows, and their parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rowferry.domain.errors import ErrorCode, clip, invalid_metadata
from rowferry.ports import BodyKind
from rowferry.wire.asgi import HttpStatusError, Scope, header

CSV_TYPE: Final = "text/csv"
NDJSON_TYPE: Final = "application/x-ndjson"
FRAMES_TYPE: Final = "application/vnd.rowferry.record-batches"
_KINDS: Final[Mapping[str, BodyKind]] = MappingProxyType(
    {CSV_TYPE: BodyKind.CSV, NDJSON_TYPE: BodyKind.NDJSON, FRAMES_TYPE: BodyKind.FRAMES}
)
_PRESENT: Final = "present"
_ABSENT: Final = "absent"
_UTF_8: Final = ("utf-8", "utf8", "us-ascii")
_UNSUPPORTED_MEDIA_TYPE: Final = 415


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyFormat:
    """How rows are written in a body; ``says_header``: whether it said so, CSV only."""

    kind: BodyKind
    says_header: bool = False


def body_format(scope: Scope) -> BodyFormat:
    """Read ``Content-Type``: the media type, and ``header`` of text/csv (RFC 4180 §3).

    Raises 415 for what is no type of rows, or for a charset other than UTF-8.
    """
    content_type = header(scope, b"content-type")
    media_type, _, parameters = content_type.partition(";")
    named = dict(_parameter(text) for text in parameters.split(";"))
    kind = _KINDS.get(media_type.strip().lower())
    if kind is None or named.get("charset", _UTF_8[0]) not in _UTF_8:
        raise _unsupported(content_type)
    if kind is not BodyKind.CSV or "header" not in named:
        return BodyFormat(kind=kind)
    return header_kind(named["header"])


def _parameter(text: str) -> tuple[str, str]:
    """Read ``name=value`` or ``name="value"`` (RFC 9110 §5.6.6); no value here has a semicolon."""
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip().strip('"').lower()


def header_kind(word: str) -> BodyFormat:
    """Give the CSV body with or without a header; ``word`` is present or absent."""
    if word not in {_PRESENT, _ABSENT}:
        message = "header tells whether the first record names the columns."
        raise invalid_metadata("header", message, expected=f"{_PRESENT} or {_ABSENT}", got=word)
    kind = BodyKind.CSV_WITH_HEADER if word == _PRESENT else BodyKind.CSV
    return BodyFormat(kind=kind, says_header=True)


def _unsupported(content_type: str) -> HttpStatusError:
    known = ", ".join(_KINDS)
    context = {"field": "content-type", "expected": known, "got": clip(content_type)}
    message = "The body's type is none of those that bring rows, in UTF-8."
    return HttpStatusError(
        _UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.INVALID_METADATA,
        message,
        context,
        headers=[("accept", known)],
    )
