"""The catalogue is complete, and what it says can be shown to anybody."""

import pytest

from rowferry.domain.error_catalogue import CATALOGUE, CONTEXT_KEYS, CONTEXT_OF_EVERY_CODE
from rowferry.domain.errors import ErrorClass, ErrorCode


def test_every_code_has_an_entry_and_every_class_a_code() -> None:
    assert set(CATALOGUE) == set(ErrorCode)
    assert {entry.error_class for entry in CATALOGUE.values()} == set(ErrorClass)


def test_every_key_of_a_context_is_explained_and_every_explained_key_is_of_a_code() -> None:
    carried = {key for entry in CATALOGUE.values() for key in entry.context}
    assert carried | set(CONTEXT_OF_EVERY_CODE) == set(CONTEXT_KEYS)
    assert not carried & set(CONTEXT_OF_EVERY_CODE)


@pytest.mark.parametrize("code", ErrorCode)
def test_entry_fits_a_table_of_documents(code: ErrorCode) -> None:
    for text in (CATALOGUE[code].meaning, CATALOGUE[code].remedy):
        assert text
        assert not set("|\n") & set(text)
        assert not text.endswith(".")
