"""The figures of docs/php.md are those of the committed results."""

from bench.php_speed_section import BEGIN, END, PAGE, speed_section


def test_the_page_quotes_the_committed_results() -> None:
    assert f"{BEGIN}{speed_section()}{END}" in PAGE.read_text(encoding="utf-8")
