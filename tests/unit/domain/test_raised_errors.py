"""The watch over errors sees what the package makes, and nothing else."""

from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata
from tests.raised_errors import faults_of, watched_errors


def test_errors_of_the_package_are_watched_and_those_of_tests_are_not() -> None:
    with watched_errors() as wrong:
        RowferryError(ErrorCode.INTERNAL, "no end", {"nonsense": 1})
        invalid_metadata("owner", "no end")
    assert len(wrong) == 1
    assert "the sentence has no end" in wrong[0]


def test_unknown_keys_secrets_and_repeated_input_are_faults() -> None:
    error = RowferryError(
        ErrorCode.SEQUENCE_GAP,
        "See http://a:b@c.",
        {"row": 1, "got": "x" * 500},
    )
    assert [fault.split()[0] for fault in faults_of(error)] == ["['row']", "a", "a"]
