import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Column, DataType, ExportSpec, Format, FormatOptions, Sheet

SPEC = ExportSpec(
    request_id="request",
    format=Format.CSV,
    filename="orders",
    sheets=(Sheet(name="Sheet1", columns=(Column(name="id"),)),),
)
PLAIN_TEXT = st.text(max_size=20)
COLUMNS = st.builds(
    Column,
    name=PLAIN_TEXT,
    data_type=st.sampled_from(DataType),
    width=st.integers(0, 255),
    format=PLAIN_TEXT,
    key=PLAIN_TEXT,
)
OPTIONS = st.builds(
    FormatOptions,
    csv_delimiter=PLAIN_TEXT,
    csv_encoding=PLAIN_TEXT,
    excel_start_row=st.integers(0, 10),
    compression_enabled=st.booleans(),
    preset=PLAIN_TEXT,
    csv_null=PLAIN_TEXT,
    timezone=PLAIN_TEXT,
)
SPECS = st.builds(
    ExportSpec,
    request_id=PLAIN_TEXT,
    format=st.sampled_from(Format),
    filename=PLAIN_TEXT,
    sheets=st.lists(
        st.builds(
            Sheet, name=PLAIN_TEXT, columns=st.lists(COLUMNS, min_size=1, max_size=3).map(tuple)
        ),
        min_size=1,
        max_size=1,
    ).map(tuple),
    options=OPTIONS,
    expected_rows=st.integers(0, 2**63 - 1),
    ack_every=st.integers(1, 100),
    priority=st.integers(1, 1000),
    tags=st.dictionaries(PLAIN_TEXT, PLAIN_TEXT, max_size=3),
    wait_seconds=st.integers(-1, 10),
    owner=PLAIN_TEXT,
)


@given(spec=SPECS)
def test_request_survives_its_document_as_json(spec: ExportSpec) -> None:
    document = json.loads(json.dumps(spec.document()))
    assert document == spec.document()
    assert ExportSpec.from_document(document) == spec


@given(spec=SPECS)
def test_hash_survives_the_document(spec: ExportSpec) -> None:
    document = json.loads(json.dumps(spec.document(), sort_keys=True))
    assert ExportSpec.from_document(document).request_hash() == spec.request_hash()


@given(one=SPECS, other=SPECS)
def test_equal_hashes_mean_equal_files(one: ExportSpec, other: ExportSpec) -> None:
    def deciding(spec: ExportSpec) -> tuple[Any, ...]:
        return spec.format, spec.filename, spec.sheets, spec.options, dict(spec.tags)

    assert (one.request_hash() == other.request_hash()) == (deciding(one) == deciding(other))


@pytest.mark.parametrize(
    "hint",
    [
        {"request_id": "other"},
        {"expected_rows": 5},
        {"ack_every": 7},
        {"priority": 1},
        {"wait_seconds": -1},
        {"owner": "zoe"},
    ],
    ids=str,
)
def test_hints_may_differ_from_try_to_try(hint: dict[str, Any]) -> None:
    assert replace(SPEC, **hint).request_hash() == SPEC.request_hash()


COLUMN_CHANGES: list[dict[str, Any]] = [
    {"name": "ID"}, {"data_type": DataType.NUMBER}, {"width": 9}, {"format": "0.00"}, {"key": "k"},
]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"format": Format.EXCEL},
        {"filename": "Orders"},
        {"tags": {"team": ""}},
        {"tags": {"": ""}},
        {"options": FormatOptions(csv_delimiter=";")},
        {"options": FormatOptions(csv_null=";")},
        {"options": FormatOptions(compression_enabled=True)},
        {"options": FormatOptions(excel_start_row=1)},
        {"sheets": (Sheet(name="Other", columns=(Column(name="id"),)),)},
        {"sheets": (Sheet(name="Sheet1", columns=(Column(name="id"), Column(name=""))),)},
        *(
            {"sheets": (Sheet(name="Sheet1", columns=(replace(SPEC.columns[0], **c),)),)}
            for c in COLUMN_CHANGES
        ),
    ],
    ids=str,
)
def test_whatever_decides_the_file_decides_the_hash(change: dict[str, Any]) -> None:
    assert replace(SPEC, **change).request_hash() != SPEC.request_hash()


def test_hash_is_that_of_canonical_json_without_empty_options() -> None:
    canonical = (
        '{"filename":"订单","format":"CSV","options":{"csv_delimiter":";"},'
        '"sheets":[{"columns":[{"data_type":"STRING","name":"id"}],"name":"Sheet1"}],'
        '"tags":{"team":""}}'
    )
    spec = replace(
        SPEC, filename="订单", options=FormatOptions(csv_delimiter=";"), tags={"team": ""}
    )
    assert spec.request_hash() == hashlib.sha256(canonical.encode()).hexdigest()


def test_order_of_tags_means_nothing() -> None:
    one = replace(SPEC, tags={"a": "1", "b": "2"})
    other = replace(SPEC, tags={"b": "2", "a": "1"})
    assert one.request_hash() == other.request_hash()


def test_document_is_a_copy() -> None:
    spec = replace(SPEC, tags={"a": "1"})
    document = spec.document()
    document["tags"]["a"] = "2"
    document["sheets"][0]["columns"].clear()
    assert spec.tags == {"a": "1"}
    assert len(spec.columns) == 1


def test_document_of_a_newer_release_is_read_without_what_is_new() -> None:
    assert ExportSpec.from_document(SPEC.document() | {"invented_later": 1}) == SPEC


def test_core_gets_what_decides_the_rows_and_nothing_else() -> None:
    document = json.loads(replace(SPEC, sheets=(Sheet(name="表", columns=()),)).core_document())
    assert set(document) == {"format", "sheets", "options"}
    assert document["sheets"] == [{"name": "表", "columns": []}]


def _columns(count: int) -> dict[str, Any]:
    return {"sheets": (Sheet(name="Sheet1", columns=(Column(name="c"),) * count),)}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"request_id": "é" * 127},
        {"request_id": "名　前 \u00a0👩‍👩‍👧"},
        {"owner": "张　三"},
        {"expected_rows": 2**63 - 1},
        {"ack_every": 2**31 - 1},
        {"priority": 1},
        {"priority": 1000},
        {"wait_seconds": -1},
        {"tags": {"k" * 128: "v" * 256, "a b": "", "+-=._:/": "+-=._:/", "3": "0", "4": "0"}},
        {"options": FormatOptions(excel_start_row=1_048_575)},
        _columns(16_384),
        {"sheets": (Sheet(name="S", columns=(Column(name="", format="0" * 255),)),)},
    ],
)
def test_request_within_its_bounds_is_taken(change: dict[str, Any]) -> None:
    replace(SPEC, **change).check()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "é" * 128}, "request_id"),
        ({"request_id": "a\nb"}, "request_id"),
        ({"request_id": "\ud800"}, "request_id"),
        ({"owner": "x" * 256}, "owner"),
        ({"owner": "a\0"}, "owner"),
        ({"owner": "a\u202eb"}, "owner"),
        ({"filename": "../a"}, "filename"),
        ({"expected_rows": -1}, "expected_rows"),
        ({"expected_rows": 2**63}, "expected_rows"),
        ({"ack_every": 0}, "ack_every"),
        ({"ack_every": 2**31}, "ack_every"),
        ({"priority": 0}, "priority"),
        ({"priority": 1001}, "priority"),
        ({"wait_seconds": -2}, "wait_seconds"),
        ({"tags": {str(n): "" for n in range(6)}}, "tags"),
        ({"tags": {"": "v"}}, "tags"),
        ({"tags": {"k" * 129: "v"}}, "tags"),
        ({"tags": {"k": "v" * 257}}, "tags"),
        ({"tags": {"k": "ü"}}, "tags"),
        ({"tags": {"k\n": "v"}}, "tags"),
        ({"tags": {"k": "a*b"}}, "tags"),
        ({"options": FormatOptions(excel_start_row=-1)}, "options.excel_start_row"),
        ({"options": FormatOptions(excel_start_row=1_048_576)}, "options.excel_start_row"),
        (_columns(0), "columns"),
        (_columns(16_385), "columns"),
        (
            {
                "sheets": (
                    Sheet(name="S", columns=(Column(name=""), Column(name="", format="0" * 256))),
                )
            },
            "columns[1].format",
        ),
    ],
)
def test_request_out_of_bounds_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(RowferryError) as caught:
        replace(SPEC, **change).check()
    assert caught.value.code is ErrorCode.INVALID_METADATA
    assert caught.value.context["field"] == field
    assert len(str(caught.value.context)) < 250
