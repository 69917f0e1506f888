"""Ranges against a slow reference that knows single bytes only, and the letter of RFC 9110."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.status.http_ranges import (
    Part,
    Selection,
    Unsatisfiable,
    Whole,
    matches_strongly,
    matches_weakly,
    select_range,
)


def bytes_asked_for(selection: Selection, size: int) -> list[int] | None:
    match selection:
        case Whole():
            return list(range(size))
        case Part(first=first, last=last):
            return list(range(first, last + 1))
        case Unsatisfiable():
            return None


def reference(first: int | None, last: int | None, size: int) -> list[int] | None:
    """Walk the file byte by byte; ``first`` None = the last ``last`` bytes."""
    if first is None:
        assert last is not None
        picked = [place for place in range(size) if size - place <= last]
        return picked or ([] if last and not size else None)
    if last is not None and last < first:
        return list(range(size))
    picked = [place for place in range(size) if place >= first and (last is None or place <= last)]
    return picked or None


PLACES = st.one_of(st.none(), st.integers(0, 60))


@given(first=PLACES, last=PLACES, size=st.integers(0, 50))
def test_range_picks_the_bytes_that_the_reference_picks(
    first: int | None, last: int | None, size: int
) -> None:
    if first is None and last is None:
        last = 0
    field = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    assert bytes_asked_for(select_range(field, size), size) == reference(first, last, size)


@given(field=st.text(max_size=40), size=st.integers(0, 2**40))
def test_any_text_at_all_selects_something_inside_the_file(field: str, size: int) -> None:
    for text in (field, f"bytes={field}"):
        selection = select_range(text, size)
        if isinstance(selection, Part):
            assert 0 <= selection.first <= selection.last < size


@pytest.mark.parametrize(
    "field",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=1-2-3",
        "bytes=--5",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=\u0661-\u0662",
        "items=0-1",
        "bytes=0-1,4-5",
        "0-1",
    ],
)
def test_what_is_no_single_byte_range_is_ignored(field: str) -> None:
    assert select_range(field, 100) == Whole()


@pytest.mark.parametrize("field", ["BYTES=0-9", "bytes= 0-9 ", "bytes=0-9", "bytes=000-009"])
def test_range_may_be_written_in_several_ways(field: str) -> None:
    assert select_range(field, 100) == Part(first=0, last=9)


def test_numbers_beyond_any_file_are_no_failure() -> None:
    huge = "9" * 10_000
    assert select_range(f"bytes=0-{huge}", 100) == Part(first=0, last=99)
    assert select_range(f"bytes={huge}-", 100) == Unsatisfiable()
    assert select_range(f"bytes=-{huge}", 100) == Part(first=0, last=99)


TAG = '"abc"'


@pytest.mark.parametrize(
    ("field", "weakly", "strongly"),
    [
        ('"abc"', True, True),
        ('W/"abc"', True, False),
        ('"x", "abc"', True, True),
        ('"x",W/"abc"', True, False),
        ("*", True, True),
        ('"abcd"', False, False),
        ("abc", False, False),
        ("", False, False),
        ("Sat, 29 Oct 1994 19:43:31 GMT", False, False),
    ],
)
def test_entity_tags_match_as_the_rfc_says(field: str, *, weakly: bool, strongly: bool) -> None:
    assert matches_weakly(field, TAG) is weakly
    assert matches_strongly(field, TAG) is strongly
