"""The query string of a list: names and values are those of the contract's ``ListTasksRequest``.

``states`` and ``formats`` may be given several times or with commas; ``state``, ``format`` and
``filename`` are the same as ``states``, ``formats`` and ``filename_contains``.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeVar

import msgspec

from rowferry.domain.errors import invalid_metadata
from rowferry.domain.spec import Format
from rowferry.domain.task import TaskState
from rowferry.ports import TaskQuery

DEFAULT_PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 500
_SAME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "state": "states",
        "format": "formats",
        "filename": "filename_contains",
    }
)
_MANY: Final = frozenset({"states", "formats"})
_TIMES: Final = frozenset({"created_after", "created_before"})
_TEXTS: Final = frozenset({"filename_contains", "owner", "page_token"})
_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Word = TypeVar("_Word", bound=StrEnum)


def list_query(parameters: Iterable[tuple[str, str]]) -> TaskQuery:
    """Read a query string's pairs; raise INVALID_METADATA for a name or a value it can't be."""
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        given.setdefault(_SAME.get(name, name), []).append(value)
    return TaskQuery(**{name: _value(name, values) for name, values in given.items()})


def _value(name: str, values: Sequence[str]) -> Any:  # noqa: ANN401  the field's own type
    if name in _MANY:
        words = [word for value in values for word in value.split(",") if word]
        return _words(name, words, TaskState) if name == "states" else _words(name, words, Format)
    if len(values) > 1:
        raise invalid_metadata(name, f"{name} is given more than once.")
    if name in _TIMES:
        return _time(name, values[0])
    if name == "page_size":
        return _page_size(values[0])
    if name not in _TEXTS:
        raise invalid_metadata(name[:40], "There is no such filter.")
    return values[0]


def _words(name: str, words: Sequence[str], kind: type[_Word]) -> frozenset[_Word]:
    known = {word.value: word for word in kind}
    for word in words:
        if word not in known:
            message = f"{name} holds a word that is none of its own."
            raise invalid_metadata(name, message, expected=", ".join(known), got=word)
    return frozenset(known[word] for word in words)


def _time(name: str, text: str) -> datetime:
    try:
        return msgspec.convert(text, _Time)
    except msgspec.ValidationError as error:
        message = f"{name} is a time with its offset, as RFC 3339 has it."
        raise invalid_metadata(name, message, expected="2026-01-31T00:00:00Z", got=text) from error


def _page_size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PAGE_SIZE))):
        message = f"page_size lies between 1 and {MAX_PAGE_SIZE}."
        raise invalid_metadata("page_size", message, expected=f"1..{MAX_PAGE_SIZE}", got=text)
    if int(text) > MAX_PAGE_SIZE:
        message = f"page_size lies between 1 and {MAX_PAGE_SIZE}."
        raise invalid_metadata("page_size", message, expected=f"1..{MAX_PAGE_SIZE}", got=text)
    return int(text) or DEFAULT_PAGE_SIZE
