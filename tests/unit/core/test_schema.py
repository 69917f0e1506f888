import json

import pytest

from rowferry._core import CoreError, Schema
from tests.unit.core.exporting import make_schema


def test_a_schema_tells_how_its_file_is_served() -> None:
    schema = make_schema("CSV", "sn", preset="excel-zh")
    assert (schema.format, schema.columns, schema.extension) == ("CSV", 2, ".csv")
    assert schema.content_type == "text/csv; charset=gb18030"
    assert make_schema("CSV", "s", compression_enabled=True).extension == ".csv.gz"
    assert make_schema("EXCEL", "s").extension == ".xlsx"


def test_a_refusal_names_field_expected_and_got() -> None:
    with pytest.raises(CoreError) as raised:
        make_schema("CSV", "s", csv_delimiter=";;")
    error = raised.value
    assert error.code == "INVALID_METADATA"
    assert error.context == {
        "field": "options.csv_delimiter",
        "expected": "one character, neither a quote nor a line break",
        "got": ";;",
    }
    assert str(error) == error.message
    assert "options.csv_delimiter" in error.message


@pytest.mark.parametrize("spec", [b"", b"[]", b"\xff", b'{"format": "CSV"}'])
def test_bytes_that_are_no_specification_are_refused(spec: bytes) -> None:
    with pytest.raises(CoreError) as raised:
        Schema(spec)
    assert raised.value.context["field"] == "spec"


def test_a_long_value_is_repeated_clipped() -> None:
    spec = {"format": "x" * 1000, "sheets": []}
    with pytest.raises(CoreError) as raised:
        Schema(json.dumps(spec).encode())
    assert len(raised.value.context["got"]) == 40


def test_errors_have_their_own_context() -> None:
    assert CoreError("made elsewhere").code == "INTERNAL"
    with pytest.raises(CoreError) as raised:
        make_schema("PDF", "s")
    raised.value.context["more"] = "yes"
    assert CoreError.context == {}
