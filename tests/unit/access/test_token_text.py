"""What a token looks like."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.access.token_text import (
    PREFIX,
    is_damaged,
    make_token,
    token_digest,
    token_id,
)

ALPHABET = string.ascii_letters + string.digits


def test_a_token_is_recognised_and_whole() -> None:
    token = make_token()
    assert token.startswith(PREFIX)
    assert len(token) == 53
    assert not is_damaged(token)


def test_no_two_tokens_are_alike() -> None:
    assert len({make_token() for _ in range(100)}) == 100


def test_tokens_fit_into_a_websocket_subprotocol() -> None:
    assert set(make_token()) <= set(ALPHABET + "_")  # RFC 6455 §4.1: a token of RFC 9110


@given(place=st.integers(4, 52), letter=st.sampled_from(ALPHABET))
def test_a_changed_letter_is_noticed(place: int, letter: str) -> None:
    token = make_token()
    changed = token[:place] + letter + token[place + 1 :]
    assert is_damaged(changed) == (changed != token)


@pytest.mark.parametrize("cut", [4, 10, 52])
def test_a_cut_off_token_is_noticed(cut: int) -> None:
    assert is_damaged(make_token()[:cut])


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert is_damaged(text) in {True, False}
    assert len(token_id(token_digest(text))) == 12


@pytest.mark.parametrize("text", ["a" * 1025, "línea", "a\tb", "\udcff"])
def test_what_no_header_carries_is_no_token(text: str) -> None:
    assert is_damaged(text)


def test_tokens_that_others_made_are_taken_as_they_are() -> None:
    assert not is_damaged("d5c4-anything-goes")
