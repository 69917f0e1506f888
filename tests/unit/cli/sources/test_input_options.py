"""What the arguments of `rowferry export` say of an input."""

import pytest

from rowferry.cli.export_order import order_of
from rowferry.cli.outcome import CommandError
from rowferry.cli.sources.form import (
    InputForm,
    columns_of,
    delimiter_of,
    encoding_of,
    form_of,
)


@pytest.mark.parametrize(
    ("name", "wanted", "form"),
    [
        ("a.csv", None, InputForm.CSV),
        ("a.NDJSON", None, InputForm.NDJSON),
        ("a.jsonl", None, InputForm.NDJSON),
        ("a.parquet", None, InputForm.PARQUET),
        ("-", None, InputForm.CSV),
        ("-", "NDJSON", InputForm.NDJSON),
        ("a.csv", "parquet", InputForm.PARQUET),
    ],
)
def test_a_form_is_told_by_the_word_or_the_ending(
    name: str, wanted: str | None, form: InputForm
) -> None:
    assert form_of(name, wanted) == form


def test_a_delimiter_is_one_character() -> None:
    assert delimiter_of("a.tsv", None) == delimiter_of("-", "tab") == "\t"
    assert delimiter_of("a.csv", None) == delimiter_of("a.tsv", ",") == ","
    for wrong in ("", "ab", '"', "\n"):
        with pytest.raises(CommandError, match="--delimiter"):
            delimiter_of("a.csv", wrong)


def test_an_encoding_makes_text() -> None:
    assert encoding_of(None) == encoding_of("UTF8") == encoding_of("utf-8-sig") == "utf-8"
    assert encoding_of("GB18030") == "gb18030"
    assert encoding_of("utf-16") == "utf-16"
    for wrong in ("klingon", "hex"):
        with pytest.raises(CommandError, match="--encoding"):
            encoding_of(wrong)


def test_columns_are_a_record_of_names() -> None:
    assert columns_of(None) == ()
    assert columns_of('a,"b,c"') == ("a", "b,c")
    with pytest.raises(CommandError, match="--columns"):
        columns_of('"a')


@pytest.mark.parametrize(
    "wrong",
    [
        {"form": "xml"},
        {"form": "ndjson", "delimiter": ";"},
        {"form": "ndjson", "has_header": False},
        {"form": "parquet", "encoding": "gb18030"},
        {"file_format": "pdf"},
    ],
)
def test_what_would_do_nothing_is_wrong_usage(
    wrong: dict[str, str | bool], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "source": "-", "form": None, "delimiter": None, "encoding": None, "has_header": True,
        "columns": None, "file_format": "xlsx", "filename": None, "column_types": None,
        "request_id": None, "output": None, "as_json": False,
    } | wrong  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        order_of(**given)  # type: ignore[arg-type]
    assert ended.value.code == 2
    assert "USAGE" in capsys.readouterr().err
