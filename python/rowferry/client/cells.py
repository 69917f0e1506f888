"""Cells one by one: the slow and exact path, for values that JSON or msgspec can't tell as is."""

import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from numbers import Real
from typing import Any, Final, SupportsIndex

from rowferry.client.errors import InvalidRowError

_GOT_CHARACTERS: Final = 40
_VALUES: Final = "null, text, a number, a boolean, a date, a time, or an object with a text form"
_ZEROS_OF_FRACTION: Final = re.compile(r"(\.\d*?)0+(?!\d)")
_MINUTE: Final = timedelta(minutes=1)
Cell = str | int | float | bool | None


class UnfitCellError(Exception):
    """A value that no cell can hold; says what could stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowShape:
    """What a row has to be: a cell for each key, or a mapping by these keys.

    ``with_offsets`` tells moments by their distance to UTC too. Only an export with the option
    ``timezone`` knows what to do with it; any other one takes the moment's own clock.
    """

    keys: tuple[str, ...]
    with_offsets: bool


def plain_row(row: object, shape: RowShape, number: int) -> list[Cell]:
    """Give a row's cells as JSON has them; raise InvalidRowError naming row and column.

    ``number`` is the row's place among all rows of the export, from 1.
    """
    values, keys = _values(row, shape.keys, number), shape.keys
    if len(values) != len(keys):
        message = f"Row {number} has {len(values)} cells, the export {len(keys)} columns."
        raise _invalid(message, number, None, f"{len(keys)} values", f"{len(values)}")
    return [_cell(value, shape, number, column) for column, value in enumerate(values)]


def _values(row: object, keys: Sequence[str], number: int) -> Sequence[Any]:
    if isinstance(row, Mapping):
        return _values_by_key(row, keys, number)
    if isinstance(row, (str, bytes, bytearray, AbstractSet)) or not isinstance(row, Iterable):
        message = f"Row {number} is neither a sequence nor a mapping."
        raise _invalid(message, number, None, "a sequence or a mapping", type(row).__name__)
    return row if isinstance(row, Sequence) else tuple(row)


def _values_by_key(row: Mapping[Any, Any], keys: Sequence[str], number: int) -> Sequence[Any]:
    unknown = row.keys() - set(keys)
    if unknown:
        key = min(map(str, unknown))[:_GOT_CHARACTERS]
        failure = _invalid(
            f"Row {number} has the key {key!r}, which no column has.",
            number,
            None,
            "keys of the columns",
            key,
        )
        failure.context["key"] = key
        raise failure
    return [row.get(key) for key in keys]


def _cell(value: object, shape: RowShape, number: int, column: int) -> Cell:
    try:
        return _plain(value, shape)
    except UnfitCellError as exc:
        got = _described(value)
        message = f"Row {number}, column {column}: {got} came, where {exc} was expected."
        raise _invalid(message, number, column, str(exc), got) from None


def _plain(value: Any, shape: RowShape) -> Cell:  # noqa: ANN401, C901, PLR0911  whatever a caller has, type by type
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, shape)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _finite(float(value))
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise UnfitCellError("a finite number")
        return format(value, "f")
    if isinstance(value, (date, time)):
        return _moment(value, shape)
    if _is_other_boolean(value):
        return bool(value)
    if hasattr(type(value), "__index__"):  # integers of other libraries
        return _index(value)
    if isinstance(value, Real) and _is_odd_number(value):
        raise UnfitCellError("a finite number")
    # Whoever says how it reads as text, and is no container: UUID, Path, URL, …
    if not _has_text_form(value):
        raise UnfitCellError(_VALUES)
    return _text(str(value))


def _is_other_boolean(value: object) -> bool:
    """Tell numpy's scalar, which is no bool and has no number, without importing numpy."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return kind == "b" and getattr(value, "shape", None) == ()


def _is_odd_number(value: Real) -> bool:
    """Tell NaN and infinities among floats of other libraries; numpy's durations are none."""
    try:
        return not math.isfinite(value)
    except TypeError:
        return False


def _index(value: SupportsIndex) -> int:
    try:
        return operator.index(value)
    except TypeError:  # an array of numpy knows only when it is asked
        raise UnfitCellError(_VALUES) from None


def _has_text_form(value: Any) -> bool:  # noqa: ANN401
    own = any("__str__" in vars(kind) for kind in type(value).__mro__[:-1])
    if not own or isinstance(value, (Sized, type)):
        return False
    return bool(value == value)  # noqa: PLR0124  numpy's NaT says that it is "NaT"


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnfitCellError("text that UTF-8 can hold") from None
    return str.__str__(value)  # whatever a subclass shows itself as


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise UnfitCellError("a finite number")
    return value


def moment_text(value: date | time, *, with_offset: bool) -> str:
    """Tell a date, a time or both by ISO 8601, a fraction in no more digits than it needs."""
    if isinstance(value, (datetime, time)) and not with_offset:
        value = value.replace(tzinfo=None)
    elif isinstance(value, datetime) and (value.utcoffset() or _MINUTE) % _MINUTE:
        value = value.astimezone(UTC)  # a local mean time of old: ISO 8601 has no such offset
    text = _ZEROS_OF_FRACTION.sub(r"\1", value.isoformat())
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _moment(value: date | time, shape: RowShape) -> str:
    if value != value:  # noqa: PLR0124  pandas' NaT is a datetime
        raise UnfitCellError("a date")
    return moment_text(value, with_offset=shape.with_offsets)


def _described(value: object) -> str:
    """Name a value for an error: its type, and itself if it is a number."""
    if isinstance(value, (float, Decimal)):
        return str(value)[:_GOT_CHARACTERS]
    return type(value).__name__


def _invalid(
    message: str, number: int, column: int | None, expected: str, got: str
) -> InvalidRowError:
    context = {"row": str(number), "expected": expected, "got": got}
    if column is not None:
        context["column"] = str(column)
    return InvalidRowError("INVALID_ROW", message, context)
