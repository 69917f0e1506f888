"""Who is measured, on how many of the rows, and how often."""

from dataclasses import dataclass
from typing import Final

from bench.shapes import ORDERS, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One writer of one program.

    The slow get a share of the rows and fewer runs: everyone is compared by row.
    """

    name: str
    """As in the tables; unique within a format."""
    file_format: str
    program: str
    """What runs it: see ``programs.py``."""
    writer: str
    """What that program calls it."""
    package: str = ""
    """What its version is found by; "" for our own and for standard libraries."""
    encoding: str = "records"
    rows_share: float = 1.0
    runs: int = 3

    def takes(self, shape: Shape) -> bool:
        """Say whether it is measured on a shape: encodings are compared on the orders alone."""
        return self.encoding == "records" or shape is ORDERS


OURS: Final = "rowferry"
"""What all others of a format are compared with: our writer on one thread."""


def _ours(file_format: str, writer: str) -> tuple[Contestant, ...]:
    """Give our writer, and what it makes of other encodings of the same rows."""
    return (
        _core(OURS, file_format, writer),
        _core("rowferry, from json_rows", file_format, writer, "json_rows"),
        _core("rowferry, from csv_rows", file_format, writer, "csv_rows"),
    )


def _core(name: str, file_format: str, writer: str, encoding: str = "records") -> Contestant:
    return Contestant(
        name=name, file_format=file_format, program="core", writer=writer, encoding=encoding
    )


def _rust(
    name: str, file_format: str, writer: str, package: str = "", runs: int = 3
) -> Contestant:
    return Contestant(
        name=name,
        file_format=file_format,
        program="rust",
        writer=writer,
        package=package,
        runs=runs,
    )


def _python(name: str, file_format: str, writer: str, rows_share: float) -> Contestant:
    return Contestant(
        name=name,
        file_format=file_format,
        program="python",
        writer=writer,
        package={"csv": "", "rustpy": "rustpy-xlsxwriter"}.get(writer, writer),
        rows_share=rows_share,
        runs=2,
    )


def _java(name: str, writer: str, package: str) -> Contestant:
    return Contestant(
        name=name,
        file_format="XLSX",
        program="java",
        writer=writer,
        package=package,
        rows_share=1 / 4,
        runs=1,  # of two rounds in one process
    )


CONTESTANTS: Final = (
    *_ours("XLSX", "xlsx"),
    _core("rowferry, 2 threads", "XLSX", "xlsx:2"),
    _rust("rust_xlsxwriter, constant memory", "XLSX", "xlsx_constant", "rust_xlsxwriter"),
    _rust("rust_xlsxwriter, low memory", "XLSX", "xlsx_low", "rust_xlsxwriter", runs=2),
    _rust("rust_xlsxwriter", "XLSX", "xlsx_default", "rust_xlsxwriter", runs=2),
    _python("rustpy-xlsxwriter", "XLSX", "rustpy", 1 / 4),
    Contestant(
        name="excelize, StreamWriter",
        file_format="XLSX",
        program="go",
        writer="excelize",
        package="github.com/xuri/excelize/v2",
        rows_share=1 / 2,
        runs=2,
    ),
    _java("fastexcel", "fastexcel", "org.dhatim:fastexcel"),
    _java("Apache POI, SXSSF", "poi", "org.apache.poi:poi-ooxml"),
    _java("EasyExcel", "easyexcel", "com.alibaba:easyexcel"),
    _python("XlsxWriter, constant memory", "XLSX", "xlsxwriter", 1 / 16),
    _python("pyexcelerate", "XLSX", "pyexcelerate", 1 / 16),
    _python("openpyxl, write-only", "XLSX", "openpyxl", 1 / 16),
    *_ours("CSV", "csv"),
    _core("rowferry, gzip", "CSV", "csv.gz"),
    _core("rowferry, gzip, 2 threads", "CSV", "csv.gz:2"),
    _rust("csv crate", "CSV", "csv", "csv"),
    Contestant(name="Go encoding/csv", file_format="CSV", program="go", writer="csv"),
    _python("Python csv", "CSV", "csv", 1 / 4),
    _python("polars", "CSV", "polars", 1 / 2),
    _python("pyarrow", "CSV", "pyarrow", 1 / 2),
    _rust("write(2) of the batches", "CSV", "write"),
    _rust("memcpy of the batches", "CSV", "memcpy"),
)
