"""What the answer to a request for a stored file is: its status, its header, which bytes."""

from dataclasses import dataclass
from typing import assert_never

from rowferry.domain.errors import ErrorCode
from rowferry.ports import StoredObject
from rowferry.status.http_ranges import (
    Part,
    Selection,
    Unsatisfiable,
    Whole,
    matches_strongly,
    matches_weakly,
    select_range,
)
from rowferry.wire.asgi import HttpStatusError, Scope, header

Fields = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReply:
    """Status and header fields of a success, and ``length`` bytes of the file from ``first``."""

    status: int
    headers: Fields
    first: int = 0
    length: int = 0


def file_reply(scope: Scope, stored: StoredObject, sha256: str) -> FileReply:
    """Decide an answer, conditions in the order of RFC 9110 §13.2.2; raise 412 or 416.

    The file's SHA-256 is its strong entity tag. Caches of many users must not keep what
    one user's link opened.
    """
    entity_tag = f'"{sha256}"'
    caching = [("etag", entity_tag), ("cache-control", "private")]
    if_match = header(scope, b"if-match")
    if if_match and not matches_strongly(if_match, entity_tag):
        message = "The file is not the one that If-Match names."
        raise HttpStatusError(412, ErrorCode.INVALID_STATE, message)
    if_none_match = header(scope, b"if-none-match")
    if if_none_match and matches_weakly(if_none_match, entity_tag):
        return FileReply(status=304, headers=caching)
    describing = [
        ("accept-ranges", "bytes"),
        ("content-type", stored.content_type),
        ("content-disposition", stored.content_disposition),
        ("x-content-type-options", "nosniff"),
    ]
    selection = _selection(scope, stored.size_bytes, entity_tag)
    return _selected_reply(selection, stored.size_bytes, caching + describing)


def _selection(scope: Scope, size_bytes: int, entity_tag: str) -> Selection:
    """Read the Range field, which means something to GET only (RFC 9110 §14.2)."""
    if_range = header(scope, b"if-range")
    if scope["method"] != "GET" or (if_range and not matches_strongly(if_range, entity_tag)):
        return Whole()
    return select_range(header(scope, b"range"), size_bytes)


def _selected_reply(selection: Selection, size_bytes: int, headers: Fields) -> FileReply:
    match selection:
        case Whole():
            fields = [*headers, ("content-length", str(size_bytes))]
            return FileReply(status=200, headers=fields, length=size_bytes)
        case Part(first=first, last=last):
            length = last - first + 1
            place = ("content-range", f"bytes {first}-{last}/{size_bytes}")
            fields = [*headers, place, ("content-length", str(length))]
            return FileReply(status=206, headers=fields, first=first, length=length)
        case Unsatisfiable():
            message = "The file is shorter than the range that was asked for."
            raise HttpStatusError(
                416,
                ErrorCode.INVALID_METADATA,
                message,
                {"size_bytes": size_bytes},
                headers=[("content-range", f"bytes */{size_bytes}")],
            )
        case _:
            assert_never(selection)
