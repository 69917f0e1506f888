"""docs/errors.md is what the catalogue and the table of statuses say."""

from tests.docs.error_page import PAGE, error_page


def test_page_is_written_from_the_catalogue_as_it_is_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == error_page(), "write it again: just docs"
