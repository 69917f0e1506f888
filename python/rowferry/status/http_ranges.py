"""Which part of a file a request asks for: conditions and byte ranges (RFC 9110 §13, §14)."""

import re
from dataclasses import dataclass
from typing import Final

_INT_RANGE: Final = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<suffix>[0-9]+)")
_ENTITY_TAG: Final = re.compile(r'(W/)?"([^"]*)"')
_UNBOUNDED: Final = 2**63
_MAX_DIGITS: Final = 18  # int() refuses some thousand digits, and no file is that long


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All of the file: status 200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes ``first`` to ``last``, both included, of a file that has them: status 206."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsatisfiable:
    """A range that the file does not reach: status 416."""


Selection = Whole | Part | Unsatisfiable


def select_range(range_header: str, size_bytes: int) -> Selection:
    """Read a Range field for a file of ``size_bytes``.

    A field of another unit, that is malformed or that asks for several ranges is ignored, which
    §14.2 leaves to the server: the answer is the whole file.
    """
    unit, _, ranges = range_header.partition("=")
    asked = _INT_RANGE.fullmatch(ranges.strip(" \t"))
    if unit.lower() != "bytes" or asked is None:
        return Whole()
    if asked["suffix"] is not None:
        return _last_bytes(_number(asked["suffix"]), size_bytes)
    first = _number(asked["first"])
    last = _number(asked["last"]) if asked["last"] else _UNBOUNDED
    if last < first:
        return Whole()
    if first >= size_bytes:
        return Unsatisfiable()
    return Part(first=first, last=min(last, size_bytes - 1))


def _last_bytes(count: int, size_bytes: int) -> Selection:
    if count == 0:
        return Unsatisfiable()
    if size_bytes == 0:
        return Whole()  # satisfiable, but no Content-Range can say "no bytes"
    return Part(first=max(0, size_bytes - count), last=size_bytes - 1)


def _number(digits: str) -> int:
    significant = digits.lstrip("0") or "0"
    return int(significant) if len(significant) <= _MAX_DIGITS else _UNBOUNDED


def matches_weakly(field: str, entity_tag: str) -> bool:
    """Tell whether an If-None-Match field names the file (§13.1.2)."""
    return field.strip() == "*" or any(
        f'"{opaque}"' == entity_tag for _, opaque in _ENTITY_TAG.findall(field)
    )


def matches_strongly(field: str, entity_tag: str) -> bool:
    """Tell whether an If-Match or If-Range field names exactly these bytes (§13.1.1, §13.1.5).

    A date never does: the service sends no Last-Modified that it could be compared with.
    """
    return field.strip() == "*" or any(
        not weak and f'"{opaque}"' == entity_tag for weak, opaque in _ENTITY_TAG.findall(field)
    )
