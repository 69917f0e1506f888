"""A provider's rows become JSON text that loses nothing: the form in which the core takes them."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from rowferry.domain.errors import ErrorCode, RowferryError

# Decimals keep their digits, times are ISO 8601, bytes are base64.
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_SUSPECTS: Final = (b"null", b"NaN", b"Infinity")


def encode_rows(rows: Sequence[Any], rows_before: int) -> bytes:
    """Encode rows as one JSON array; raise INVALID_ROW for a cell that no file can hold.

    JSON has no NaN and no infinities: they become text, which the column's type then judges.
    """
    try:
        encoded = _ENCODER.encode(rows)
    except Exception:  # noqa: BLE001  any cell may fail in its own way
        raise _refusal(rows, rows_before) from None
    if any(suspect in encoded for suspect in _SUSPECTS):
        return _ENCODER.encode([_finite(row) for row in rows])
    return encoded


def _finite(row: Any) -> Any:  # noqa: ANN401  a row of any shape: the core judges it
    if isinstance(row, Mapping):
        return {key: _finite_cell(cell) for key, cell in row.items()}
    return [_finite_cell(cell) for cell in row] if isinstance(row, list | tuple) else row


def _finite_cell(cell: Any) -> Any:  # noqa: ANN401
    if isinstance(cell, float | Decimal) and not math.isfinite(cell):
        return str(cell)
    return cell


def _refusal(rows: Sequence[Any], rows_before: int) -> RowferryError:
    """Name the first row that can't be encoded, and its cell."""
    for number, row in enumerate(rows, rows_before + 1):
        cells = list(row.values() if isinstance(row, Mapping) else row)
        for column, cell in enumerate(cells):
            if not _is_encodable(cell):
                context = {"row": number, "column": column, "got": type(cell).__name__}
                message = (
                    f"row {number}, column {column} must be text, a number, a truth value, "
                    f"a date or nothing, not '{type(cell).__name__}'."
                )
                return RowferryError(ErrorCode.INVALID_ROW, message, context)
    message = f"the rows after row {rows_before} can't be encoded."
    return RowferryError(ErrorCode.INVALID_ROW, message, {"row": rows_before + 1})


def _is_encodable(cell: object) -> bool:
    try:
        _ENCODER.encode(cell)
    except Exception:  # noqa: BLE001  as above
        return False
    return True
