"""What is packed reads back equal, and what can't be told is refused with its place."""

import ipaddress
import json
import math
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from numbers import Real
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.client import InvalidRowError, LimitedError
from rowferry.client.cells import RowShape, plain_row
from rowferry.client.packing import BATCH_BYTES, PIECE_ROWS, PackedRows, RowPacker
from rowferry.v1 import export_pb2 as pb

MESSAGE_BYTES = 2**20
KEYS = ("a", "b", "c")
BERLIN = timezone(timedelta(hours=1))


def pack(
    rows: Iterable[Any],
    keys: Sequence[str] = KEYS,
    *,
    skip_rows: int = 0,
    with_offsets: bool = False,
    max_message_bytes: int = MESSAGE_BYTES,
) -> list[PackedRows]:
    shape = RowShape(keys=tuple(keys), with_offsets=with_offsets)
    packer = RowPacker(shape, max_message_bytes=max_message_bytes, skip_rows=skip_rows)
    return [*packer.pack(rows), *packer.cut()]


def read_back(batches: Iterable[PackedRows]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for packed in batches:
        found = json.loads(
            pb.RecordBatch.FromString(packed.encoded).json_rows,
            parse_float=lambda digits: digits,
            parse_int=lambda digits: digits,
        )
        assert len(found) == packed.rows
        rows += found
    return rows


def cell(value: object, **options: Any) -> Any:  # noqa: ANN401
    [[told]] = read_back(pack([[value]], ("a",), **options))
    return told


texts = st.text(st.characters(codec="utf-8"))
plain_cells = st.none() | texts | st.booleans() | st.integers() | st.floats(allow_nan=False)
finite_cells = plain_cells.filter(lambda value: value not in {float("inf"), float("-inf")})


@given(st.lists(st.tuples(finite_cells, finite_cells, finite_cells), max_size=200))
def test_rows_read_back_equal(rows: list[tuple[Any, ...]]) -> None:
    found = read_back(pack(rows))
    assert len(found) == len(rows)
    for row, told in zip(rows, found, strict=True):
        for value, back in zip(row, told, strict=True):
            if isinstance(value, bool) or value is None or isinstance(value, str):
                assert back == value
            else:
                assert isinstance(back, str)
                assert type(value)(back) == value


@given(st.lists(st.lists(finite_cells, min_size=3, max_size=3), min_size=1, max_size=20))
def test_looking_at_each_cell_tells_the_same(rows: list[list[Any]]) -> None:
    shape = RowShape(keys=KEYS, with_offsets=False)
    slowly = [plain_row(row, shape, 1) for row in rows]
    assert read_back(pack(rows)) == read_back(pack(slowly))


@given(
    st.lists(st.lists(finite_cells, min_size=3, max_size=3), max_size=150),
    st.sampled_from([float("nan"), float("inf"), float("-inf"), Decimal("NaN"), b"x", [1], {}]),
    st.integers(0, 150),
    st.integers(0, 2),
)
def test_a_cell_that_is_none_is_refused_wherever_it_is(
    rows: list[list[Any]], bad: object, place: int, column: int
) -> None:
    rows = [
        ["null" if value in {float("inf"), float("-inf")} else value for value in row]
        for row in rows
    ]
    place = min(place, len(rows))
    rows.insert(place, [None, "null", "a"])
    rows[place][column] = bad
    with pytest.raises(InvalidRowError) as caught:
        pack(rows)
    assert caught.value.context["row"] == str(place + 1)
    assert caught.value.context["column"] == str(column)


def test_rows_may_be_mappings_by_key() -> None:
    rows = [{"a": 1, "b": None, "c": "x"}, {"c": "y"}, ["1", 2, 3], {"b": 2, "c": 3, "a": 1}]
    assert read_back(pack(rows)) == [
        ["1", None, "x"],
        [None, None, "y"],
        ["1", "2", "3"],
        ["1", "2", "3"],
    ]


def test_a_key_that_no_column_has_is_refused() -> None:
    with pytest.raises(InvalidRowError) as caught:
        pack([{"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "d": 3}])
    assert caught.value.context == caught.value.context | {"row": "2", "key": "d"}


@pytest.mark.parametrize(
    "row", [["a"], ["a"] * 4, "abc", b"abc", {"a", "b", "c"}, 3, None], ids=repr
)
def test_what_is_no_row_is_refused(row: object) -> None:
    with pytest.raises(InvalidRowError) as caught:
        pack([["a", "b", "c"], row])
    assert caught.value.context["row"] == "2"
    assert "column" not in caught.value.context


class Word(Enum):
    HELLO = "hello"


class Level(IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int
    y: int


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not what it is"


@Real.register
class OtherFloat:
    """As numpy's float32: a number that is no float, and shows itself as text."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __float__(self) -> float:
        return self._value

    def __str__(self) -> str:
        return str(self._value)


class OtherBool:
    """As numpy's bool."""

    dtype = SimpleNamespace(kind="b")
    shape = ()

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return "True"


class OtherArray:
    """As numpy's arrays, which are integers only sometimes."""

    def __index__(self) -> int:
        raise TypeError


class NotATime:
    """As numpy's NaT."""

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0

    def __str__(self) -> str:
        return "NaT"


MOMENT = datetime(2026, 3, 1, 12, 34, 56, tzinfo=BERLIN)
TOLD = [
    (12345678901234567890123, "12345678901234567890123"),
    (1.0, "1.0"),
    (0.1, "0.1"),
    (Decimal("1.10"), "1.10"),
    (Decimal("1E-21"), "0.000000000000000000001"),
    (date(2026, 3, 1), "2026-03-01"),
    (MOMENT, "2026-03-01T12:34:56"),
    (MOMENT.replace(microsecond=125000), "2026-03-01T12:34:56.125"),
    (MOMENT.replace(tzinfo=None), "2026-03-01T12:34:56"),
    (MOMENT.replace(microsecond=123456, tzinfo=None), "2026-03-01T12:34:56.123456"),
    (time(1, 2, 3), "01:02:03"),
    (Word.HELLO, "hello"),
    (Level.HIGH, "3"),
    (Text("sub"), "sub"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (ipaddress.ip_address("::1"), "::1"),
    (PurePosixPath("/a/b"), "/a/b"),
    (OtherFloat(0.5), "0.5"),
    (OtherBool(), True),
]


@pytest.mark.parametrize(("value", "told"), TOLD, ids=repr)
def test_a_value_is_told_as_documented(value: object, told: str) -> None:
    assert cell(value) == told
    beside = read_back(pack([[value, Text("looks at each cell"), 1]]))
    assert beside[0][0] == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (MOMENT, "2026-03-01T12:34:56+01:00"),
        (MOMENT.astimezone(UTC), "2026-03-01T11:34:56Z"),
        (MOMENT.replace(microsecond=120000), "2026-03-01T12:34:56.12+01:00"),
        (datetime(1970, 1, 1, tzinfo=ZoneInfo("Africa/Monrovia")), "1970-01-01T00:44:30Z"),
        (datetime(1970, 1, 1, tzinfo=BERLIN), "1970-01-01T00:00:00+01:00"),
    ],
)
def test_with_the_option_timezone_moments_keep_their_offset(value: datetime, told: str) -> None:
    assert cell(value, with_offsets=True) == told
    beside = read_back(pack([[value, Text("looks at each cell"), 1]], with_offsets=True))
    assert beside[0][0] == told


def test_texts_that_look_like_moments_stay_as_they_are() -> None:
    texts_beside = ["12:00:00.100", "2026-03-01T12:34:56+01:00", MOMENT]
    [[*kept, _]] = read_back(pack([texts_beside]))
    assert kept == texts_beside[:2]


@pytest.mark.parametrize(
    "value",
    [
        *("\ud800", Text("\udc00"), Point, int, [1], {"a": 1}, {1}, Point(1, 2)),
        *(OtherFloat(math.nan), OtherFloat(math.inf), OtherArray(), NotATime()),
    ],
    ids=repr,
)
def test_what_no_cell_can_hold_is_refused(value: object) -> None:
    with pytest.raises(InvalidRowError) as caught:
        pack([["a"], [value]], ("a",))
    assert caught.value.context == caught.value.context | {"row": "2", "column": "0"}


def test_rows_are_tuples_of_any_kind() -> None:
    assert read_back(pack([Point(1, 2)], ("x", "y"))) == [["1", "2"]]


def test_batches_are_cut_by_bytes() -> None:
    rows = [["x" * 100, number, None] for number in range(10_000)]
    batches = pack(rows)
    assert read_back(batches) == [[text, str(number), None] for text, number, _ in rows]
    assert all(len(packed.encoded) <= BATCH_BYTES + 16 for packed in batches)
    assert all(len(packed.encoded) > BATCH_BYTES * 0.9 for packed in batches[:-1])


def test_long_rows_have_batches_of_their_own() -> None:
    rows = [["x" * (BATCH_BYTES * 2)], ["y"], ["z" * BATCH_BYTES]]
    batches = pack(rows, ("a",))
    assert read_back(batches) == rows
    assert [packed.rows for packed in batches] == [1, 1, 1]


def test_a_row_larger_than_a_message_is_refused() -> None:
    with pytest.raises(LimitedError) as caught:
        pack([["a"], ["x" * 1000]], ("a",), max_message_bytes=1000)
    assert (caught.value.code, caught.value.context["row"]) == ("TOO_LARGE", "2")


def test_rows_are_drawn_a_piece_at_a_time() -> None:
    drawn: list[int] = []

    def rows() -> Iterable[list[str]]:
        for number in range(100_000):
            drawn.append(number)
            yield ["x" * 1000]

    shape = RowShape(keys=("a",), with_offsets=False)
    batches = RowPacker(shape, max_message_bytes=MESSAGE_BYTES).pack(rows())
    next(batches)
    assert len(drawn) <= BATCH_BYTES // 1000 + PIECE_ROWS


def test_rows_that_are_there_are_skipped_and_counted() -> None:
    rows: list[list[object]] = [[object()], [object()], ["a"], [float("nan")]]
    assert read_back(pack(rows[:3], ("a",), skip_rows=2)) == [["a"]]
    with pytest.raises(InvalidRowError) as caught:
        pack(rows, ("a",), skip_rows=2)
    assert caught.value.context["row"] == "4"
