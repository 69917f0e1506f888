"""The figures of docs/php.md are those of the committed results."""

from bench.php_speed_section import PAGE, speed_section


def test_the_page_quotes_the_committed_results() -> None:
    assert PAGE.has(speed_section())
