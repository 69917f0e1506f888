from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.errors import (
    ErrorCode,
    RowferryError,
    clip,
    invalid_metadata,
)


def test_code_is_its_own_name() -> None:
    assert [code.value for code in ErrorCode] == [code.name for code in ErrorCode]


def test_context_is_text() -> None:
    error = RowferryError(ErrorCode.INVALID_ROW, "Bad row.", {"row": 3, "got": ErrorCode.INTERNAL})
    assert error.context == {"row": "3", "got": "INTERNAL"}


def test_error_shows_its_message_and_in_tracebacks_everything() -> None:
    error = RowferryError(ErrorCode.NOT_FOUND, "There is no such task.", {"task_id": "0"})
    assert str(error) == "There is no such task."
    assert repr(error) == ("RowferryError(NOT_FOUND, 'There is no such task.', {'task_id': '0'})")


def test_error_does_not_share_its_context() -> None:
    context = {"row": "1"}
    error = RowferryError(ErrorCode.INVALID_ROW, "Bad row.", context)
    context["row"] = "2"
    assert error.context == {"row": "1"}


def test_refused_field_names_what_was_expected_and_found() -> None:
    error = invalid_metadata("ack_every", "Too small.", expected=1, got=0)
    assert error.code is ErrorCode.INVALID_METADATA
    assert error.context == {"field": "ack_every", "expected": "1", "got": "0"}


def test_refused_field_alone_is_context_enough() -> None:
    assert invalid_metadata("owner", "Bad.").context == {"field": "owner"}


def test_refused_field_never_repeats_a_long_text() -> None:
    error = invalid_metadata("filename", "Too long.", got="secret" * 100)
    assert len(error.context["got"]) == 40


@given(text=st.text(), limit=st.integers(1, 50))
def test_clipped_text_keeps_its_beginning_and_its_limit(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(clipped) <= limit
    assert clipped == text or (clipped[-1] == "…" and text.startswith(clipped[:-1]))
