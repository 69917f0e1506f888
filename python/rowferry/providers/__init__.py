"""Where pulled rows come from, and all that the author of a data provider needs to import."""

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Column, DataType
from rowferry.ports import Cancellation, CsvRows, DataProvider, JsonRows, RowBatch

__all__ = [
    "Cancellation",
    "Column",
    "CsvRows",
    "DataProvider",
    "DataType",
    "ErrorCode",
    "JsonRows",
    "RowBatch",
    "RowferryError",
]
