"""Readers' own limits: where they give something else than what stands in the file.

Anything else that differs is a defect, and so is a limit that no longer occurs.
docs/fidelity.md lists the same sentences.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.readers.cells import Cell, moment, text
from tests.readers.stored import Stored

XML_ENTITIES: Final = {"lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&"}

Read: TypeAlias = Cell | None
"""What a reader gives; None is a blank cell."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One way in which a reader differs."""

    sentence: str
    readings: Callable[[Read, Stored, Read], Iterable[Read]]
    """From what should be read, how it is stored and what was read: what it may become."""


def explain(expected: Read, stored: Stored, actual: Read, limits: Iterable[Limit]) -> set[Limit]:
    """Give the limits that together make ``actual`` of ``expected``; none if they don't."""
    reached: dict[Read, set[Limit]] = {expected: set()}
    for limit in limits:
        for reading, reasons in list(reached.items()):
            for changed in limit.readings(reading, stored, actual):
                reached.setdefault(changed, reasons | {limit})
    return reached.get(actual, set())


def _on_texts(change: Callable[[str], str]) -> Callable[[Read, Stored, Read], Iterator[Read]]:
    def readings(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
        if expected is not None and expected.kind == "text":
            yield text(change(str(expected.value)))

    return readings


def _as_stored(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if expected is not None and expected.kind == "text":
        yield text(stored.characters)


def _as_stored_inline(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if not stored.is_shared:
        yield from _as_stored(expected, stored, actual)


def _noncharacters_as_stored(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if re.search("_xFFF[EF]_", stored.characters):
        yield from _as_stored(expected, stored, actual)


def _shared_without_x005f(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if stored.is_shared:
        yield text(stored.characters.replace("x005F_", ""))


def _blank(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if expected == text(""):
        yield None


def _shifted(*milliseconds: int) -> Callable[[Read, Stored, Read], Iterator[Read]]:
    def readings(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
        if expected is not None and expected.kind == "date":
            when = dt.datetime.fromisoformat(str(expected.value))
            for shift in milliseconds:
                yield moment(when + dt.timedelta(milliseconds=shift))

    return readings


def _rounded_to_seconds(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if expected is not None and expected.kind == "date":
        when = dt.datetime.fromisoformat(str(expected.value)) + dt.timedelta(milliseconds=500)
        yield moment(when.replace(microsecond=0))


def _as_words(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if expected is not None and expected.kind == "boolean":
        yield text(str(expected.value).upper())


def _as_number_text(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if expected is not None and expected.kind == "number":
        yield text(stored.characters)


def _as_date_text(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if expected is not None and expected.kind == "date":
        when = dt.datetime.fromisoformat(str(expected.value))
        yield text(when.isoformat(timespec="seconds"))
        # Fractions are cut, and a whole second may lie a hair below its number.
        yield text((when - dt.timedelta(milliseconds=1)).isoformat(timespec="seconds"))


def _split_characters(expected: Read, stored: Stored, actual: Read) -> Iterator[Read]:
    if expected is None or actual is None or "\ufffd" not in str(actual.value):
        return
    pieces = re.split("\ufffd+", str(actual.value))
    if re.fullmatch(".".join(map(re.escape, pieces)), str(expected.value), re.DOTALL):
        yield actual


def _entities_again(value: str) -> str:
    for entity, character in XML_ENTITIES.items():
        value = value.replace(f"&{entity};", character)
    return value


def _without_controls(value: str) -> str:
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", value)


def _without_tabs_in_lines(value: str) -> str:
    return value.replace("\t", "") if re.search("[\r\n]", value) else value


def _with_line_feeds(value: str) -> str:
    return re.sub("\r\n|\n\r|\r", "\n", value)


ESCAPES_STAY: Final = Limit("does not undo the escape `_xHHHH_`", _as_stored)
INLINE_ESCAPES_STAY: Final = Limit(
    "does not undo the escape `_xHHHH_` in inline strings, only in shared ones", _as_stored_inline
)
NONCHARACTERS_STAY: Final = Limit(
    "does not undo the escapes `_xFFFE_` and `_xFFFF_`", _noncharacters_as_stored
)
X005F_IS_DROPPED: Final = Limit(
    "removes `x005F_` from shared strings instead", _shared_without_x005f
)
EMPTY_IS_BLANK: Final = Limit("reads an empty text as a blank cell", _blank)
MILLISECOND_OFF: Final = Limit("cuts times, some are a millisecond off", _shifted(-1, 1))
WHOLE_SECONDS: Final = Limit("rounds times to seconds", _rounded_to_seconds)
WORDS_FOR_BOOLEANS: Final = Limit("gives booleans as the texts TRUE and FALSE", _as_words)
NUMBERS_ARE_TEXT: Final = Limit("gives numbers as texts", _as_number_text)
DATES_ARE_TEXT: Final = Limit("gives dates as texts and cuts them to seconds", _as_date_text)
CHARACTERS_ARE_SPLIT: Final = Limit(
    "loses characters outside the BMP where a chunk of the sheet ends", _split_characters
)
ENTITIES_TWICE: Final = Limit("reads `&amp;lt;` as `<`", _on_texts(_entities_again))
CONTROLS_ARE_DROPPED: Final = Limit("drops control characters", _on_texts(_without_controls))
TABS_ARE_DROPPED: Final = Limit(
    "drops tabs from texts of several lines", _on_texts(_without_tabs_in_lines)
)
SHARED_CR_IS_DROPPED: Final = Limit(
    "makes CR LF in shared strings a line feed",
    _on_texts(lambda value: value.replace("_x000D_\n", "\n")),
)
LINE_FEEDS_ONLY: Final = Limit("makes CR LF, LF CR and CR line feeds", _on_texts(_with_line_feeds))
