import re
import uuid
from email.message import Message

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import (
    check_filename,
    content_disposition,
    download_name,
    is_task_id,
    key_extension,
    make_task_id,
    storage_key,
)

MILLISECONDS = st.integers(0, 2**48 - 1)
TEN_BYTES = st.binary(min_size=10, max_size=10)


@given(now_ms=MILLISECONDS, random_bytes=TEN_BYTES)
def test_task_id_is_a_uuid_version_7(now_ms: int, random_bytes: bytes) -> None:
    task_id = make_task_id(now_ms, random_bytes)
    parsed = uuid.UUID(task_id)
    assert is_task_id(task_id)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == now_ms


def test_task_id_keeps_its_74_random_bits() -> None:
    assert make_task_id(0, b"\xff" * 10) == "00000000000" + "07fff" + "bfffffffffffffff"
    assert make_task_id(0, b"\0" * 10) == "00000000000" + "07000" + "8000000000000000"


@given(earlier=MILLISECONDS, later=MILLISECONDS, one=TEN_BYTES, other=TEN_BYTES)
def test_task_ids_sort_by_time(earlier: int, later: int, one: bytes, other: bytes) -> None:
    assume(earlier < later)
    assert make_task_id(earlier, one) < make_task_id(later, other)


@pytest.mark.parametrize(
    "text",
    ["", "0" * 31, "0" * 33, "g" * 32, "A" * 32, "\u0660" * 32, "0" * 32 + "\n", "../" + "0" * 29],
)
def test_other_texts_are_no_task_ids(text: str) -> None:
    assert not is_task_id(text)


@pytest.mark.parametrize(
    "filename",
    [
        "orders", "orders.xlsx", "订单 2024", "Größe", 'a "quoted" name', "50% off; really",
        "👩‍👩‍👧 family", "عربي", "…", "x" * 255, "é" * 127, "C: drive", "<script>", "\u00a0a",
        "a.",
    ],
)  # fmt: skip
def test_name_that_people_and_browsers_can_use_is_taken(filename: str) -> None:
    check_filename(filename)


@pytest.mark.parametrize(
    "filename",
    [
        "", " ", ".", "..", " . ", "a/b", "a\\b", "../a", "a..b", "/etc/passwd",
        "a\rb", "a\nb", "a\0b", "a\tb", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b",
        "xslx.\u202eexe", "a\u200eb", "a\u2066b", "a\u061cb", "\ud800",
        "x" * 256, "é" * 128, "订" * 86,
    ],
)  # fmt: skip
def test_name_that_could_mislead_or_harm_is_refused(filename: str) -> None:
    with pytest.raises(RowferryError) as caught:
        check_filename(filename)
    assert caught.value.code is ErrorCode.INVALID_METADATA
    assert caught.value.context["field"] == "filename"


@pytest.mark.parametrize(
    ("filename", "extension", "saved"),
    [
        ("orders", ".xlsx", "orders.xlsx"),
        ("orders.xlsx", ".xlsx", "orders.xlsx"),
        ("Orders.XLSX", ".xlsx", "Orders.XLSX"),
        ("orders.csv", ".xlsx", "orders.csv.xlsx"),
        ("v1.2", ".csv", "v1.2.csv"),
        ("orders", ".csv.gz", "orders.csv.gz"),
        ("orders.csv", ".csv.gz", "orders.csv.gz"),
        ("orders.csv.gz", ".csv.gz", "orders.csv.gz"),
        ("ordersxlsx", ".xlsx", "ordersxlsx.xlsx"),
        ("订单", ".xlsx", "订单.xlsx"),
    ],
)
def test_saved_name_has_its_extension_once(filename: str, extension: str, saved: str) -> None:
    assert download_name(filename, extension) == saved


def _encoded_name(header: str) -> str | None:
    """Read ``filename*`` as the standard library's mail parser does (RFC 2231)."""
    message = Message()
    message["Content-Disposition"] = header.replace("filename=", "ignored=")
    return message.get_filename()


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("orders.xlsx", 'attachment; filename="orders.xlsx"'),
        ("a (1), b=2.csv", 'attachment; filename="a (1), b=2.csv"'),
        (
            "订单.xlsx",
            "attachment; filename=\"export.xlsx\"; filename*=UTF-8''%E8%AE%A2%E5%8D%95.xlsx",
        ),
        (
            "订单.csv.gz",
            "attachment; filename=\"export.csv.gz\"; filename*=UTF-8''%E8%AE%A2%E5%8D%95.csv.gz",
        ),
        ("Café.csv", "attachment; filename=\"Cafe.csv\"; filename*=UTF-8''Caf%C3%A9.csv"),
        ('a"b.csv', "attachment; filename=\"a_b.csv\"; filename*=UTF-8''a%22b.csv"),
        ("100%.csv", "attachment; filename=\"100_.csv\"; filename*=UTF-8''100%25.csv"),
        ("📦", "attachment; filename=\"export\"; filename*=UTF-8''%F0%9F%93%A6"),
    ],
)
def test_header_is_the_one_of_the_rfc(filename: str, header: str) -> None:
    assert content_disposition(filename) == header


FILENAMES = st.one_of(
    st.text(min_size=1, max_size=200),
    st.text(alphabet="ab.\"'%;*=\\ é订📦-_\u0301", min_size=1, max_size=60),
)


@given(filename=FILENAMES, extension=st.sampled_from([".xlsx", ".csv", ".csv.gz"]))
def test_every_name_survives_the_header(filename: str, extension: str) -> None:
    try:
        check_filename(filename)
    except RowferryError:
        assume(False)  # noqa: FBT003  Hypothesis's way to say "not this one"
    name = download_name(filename, extension)
    header = content_disposition(name)
    assert re.fullmatch(r"[\x20-\x7e]+", header)
    assert parse_options_header(header) == ("attachment", {"filename": name})
    if "filename*=" in header:
        assert _encoded_name(header) == name.strip()  # that parser strips blanks


@given(filename=st.text(max_size=300).filter(lambda text: "\ud800" not in text))
def test_no_text_at_all_can_break_out_of_the_header(filename: str) -> None:
    header = content_disposition(filename)
    name = r'[^"\\\x00-\x1f\x7f]*'
    encoded = r"(?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-F]{2})*"  # RFC 8187 §3.2.1, value-chars
    pattern = rf"attachment; filename=\"{name}\"(; filename\*=UTF-8''{encoded})?"
    assert header.isascii()
    assert re.fullmatch(pattern, header)


@given(filename=FILENAMES)
def test_fallback_is_no_hidden_file_and_no_path(filename: str) -> None:
    header = content_disposition(filename)
    fallback = header.split('"')[1]
    assert fallback
    assert "/" not in fallback
    assert fallback == filename or not fallback.startswith(".")


@pytest.mark.parametrize("extension", [".xlsx", ".csv", ".csv.gz"])
def test_extension_is_found_in_a_key(extension: str) -> None:
    key = storage_key("exports/v1.2", "0190a0b0c0d07000800000000000000f", 3, extension)
    assert key_extension(key) == extension


def test_object_key_is_made_of_ids_only() -> None:
    assert storage_key("exports", "0" * 32, 3, ".csv.gz") == f"exports/{'0' * 32}/3.csv.gz"
    assert storage_key("/a/b/", "0" * 32, 1, ".xlsx") == f"a/b/{'0' * 32}/1.xlsx"
    assert storage_key("", "0" * 32, 1, ".xlsx") == f"{'0' * 32}/1.xlsx"
