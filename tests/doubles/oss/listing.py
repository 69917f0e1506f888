"""Pages of sorted entries: what all lists of OSS have in common."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Entry]):
    """A page of a list."""

    entries: list[Entry]
    prefixes: list[str]
    """Names up to the delimiter, each in place of all entries that begin with it."""
    last: str
    """The last name or prefix of this page, for the next one to come after."""
    is_truncated: bool


def page(
    entries: Iterable[Entry],
    name_of: Callable[[Entry], str],
    *,
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
) -> Page[Entry]:
    """Make the page of ``limit`` names that begin with ``prefix`` and come after ``after``.

    ``entries`` come sorted by name: code points, which is the order of their UTF-8.
    """
    listed: list[Entry] = []
    prefixes: list[str] = []
    last = after
    for entry in entries:
        name = name_of(entry)
        if not name.startswith(prefix):
            continue
        common_prefix = _common_prefix(name, prefix, delimiter)
        shown = common_prefix or name
        if shown <= last:
            continue
        if len(listed) + len(prefixes) == limit:
            return Page(entries=listed, prefixes=prefixes, last=last, is_truncated=True)
        if common_prefix:
            prefixes.append(common_prefix)
        else:
            listed.append(entry)
        last = shown
    return Page(entries=listed, prefixes=prefixes, last=last, is_truncated=False)


def _common_prefix(name: str, prefix: str, delimiter: str) -> str:
    end = name.find(delimiter, len(prefix)) if delimiter else -1
    return name[: end + len(delimiter)] if end >= 0 else ""
