"""Files with every nasty value and shape, written by the compiled core, and what is in them."""

import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rowferry._core import Schema, SpoolLog, XlsxWriter
from tests.readers import nasty_values
from tests.readers.cells import Book, Cell, Sheet, date, number, text
from tests.unit.core.exporting import encode

SPAN_BYTES: Final = 1 << 20
COLUMN_TYPES: Final = {"s": "STRING", "n": "NUMBER", "d": "DATE", "b": "BOOLEAN"}

Pair = tuple[str | None, Cell | None]
"""A value as it is sent, and the cell it becomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, and what it holds from the first data row on."""

    name: str
    type: str
    pairs: Sequence[Pair]
    width: int = 0
    format: str = ""

    def definition(self) -> dict[str, object]:
        """Give the column as a specification has it."""
        data_type = COLUMN_TYPES[self.type]
        return {
            "name": self.name,
            "data_type": data_type,
            "width": self.width,
            "format": self.format,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NastyFile:
    """One file to read."""

    name: str
    columns: Sequence[Column]
    options: dict[str, object] = field(default_factory=dict)
    sheet_name: str = "Sheet1"

    def write(self, folder: Path) -> Path:
        """Write the file through the core, as the service does."""
        path = folder / f"{self.name}.xlsx"
        columns = [column.definition() for column in self.columns]
        write_xlsx(path, self.sheet_name, columns, self.options, self._messages())
        return path

    def expected(self) -> Book:
        """Tell what every reader should find."""
        first_row = int(str(self.options.get("excel_start_row", 1)))
        sheet: Sheet = {}
        for index, column in enumerate(self.columns, start=1):
            header = text(column.name) if column.name else None
            cells = [header, *(cell for _, cell in column.pairs)]
            for row, cell in enumerate(cells, start=first_row):
                if cell is not None:
                    sheet[row, index] = cell
        return {self.sheet_name: sheet}

    def _messages(self) -> Iterator[bytes]:
        values = ([value for value, _ in column.pairs] for column in self.columns)
        rows = itertools.zip_longest(*values)
        while batch := list(itertools.islice(rows, 1000)):
            yield encode(batch)


def write_xlsx(
    path: Path,
    sheet_name: str,
    columns: Sequence[dict[str, object]],
    options: dict[str, object],
    messages: Iterable[bytes],
) -> None:
    """Write a file of encoded batches through log and writer, as the service does."""
    sheets = [{"name": sheet_name, "columns": columns}]
    schema = Schema(json.dumps({"format": "EXCEL", "sheets": sheets, "options": options}).encode())
    log = SpoolLog.create(schema, None)
    for message in messages:
        appended = log.append([(message, 0)])
        if appended.refused is not None:
            raise appended.refused
    log.end(0)
    writer, reader = XlsxWriter(schema, path), log.reader()
    while not reader.ended:
        writer.write(reader.read(SPAN_BYTES))
    writer.finish()


def _strings(pairs: Sequence[Pair]) -> Column:
    return Column(name="STRING", type="s", pairs=pairs)


def _numbers(pairs: Sequence[Pair]) -> Column:
    return Column(name="NUMBER", type="n", pairs=pairs)


def _value_columns() -> list[Column]:
    """One column a type; shorter ones end in nulls, and a neighbour shows that none slipped."""
    return [
        _strings(nasty_values.STRINGS),
        _numbers(nasty_values.NUMBERS),
        Column(name="DATE", type="d", pairs=nasty_values.DATES),
        Column(name="BOOLEAN", type="b", pairs=nasty_values.BOOLEANS),
        Column(name="row", type="n", pairs=_counted(len(nasty_values.STRINGS))),
    ]


def _counted(rows: int) -> list[Pair]:
    return [(str(row), number(row)) for row in range(1, rows + 1)]


def _moved_file() -> NastyFile:
    return NastyFile(
        name="start_row",
        columns=_value_columns(),
        options={"excel_start_row": 5},
        sheet_name='it\'s <a> & "b" 订单😀',
    )


def _formatted_file() -> NastyFile:
    moments: list[Pair] = [(value, date(value)) for value in nasty_values.MOMENTS]
    numbers: list[Pair] = [(value, number(float(value))) for value in nasty_values.EXACT_NUMBERS]
    date_formats = [
        "yyyy/m/d h:mm AM/PM",
        "dd.mm.yyyy",
        "hh:mm:ss.000",
        "yyyy年m月d日",
        'yyyy"年"mm"月"',
        "mmm d, yyyy",
    ]
    number_formats = [
        "0.00",
        "#,##0.00;[Red]-#,##0.00",
        "0%",
        "0.00E+00",
        "¥#,##0",
        "@",
        "General",
    ]
    return NastyFile(
        name="formats",
        columns=[
            *(
                Column(name=f"d {code}", type="d", pairs=moments, format=code, width=20)
                for code in date_formats
            ),
            *(
                Column(name=f"n {code}", type="n", pairs=numbers, format=code, width=255)
                for code in number_formats
            ),
            Column(name="text", type="s", pairs=[("007", text("007"))], format="@", width=1),
        ],
    )


def _stripped_file() -> NastyFile:
    characters = map(ord, "".join(nasty_values.CONTROLS))
    forbidden = [c for c in characters if c < ord(" ") or c in nasty_values.NONCHARACTERS]
    without = dict.fromkeys(forbidden)
    pairs = [(value, text(value.translate(without))) for value in nasty_values.CONTROLS]
    return NastyFile(
        name="stripped",
        columns=[_strings(pairs)],
        options={"on_control_character": "strip"},
    )


def _nulled_file() -> NastyFile:
    bad_numbers: list[Pair] = [(value, None) for value in nasty_values.NO_NUMBERS]
    bad_words: list[Pair] = [(value, None) for value in nasty_values.NO_WORDS]
    return NastyFile(
        name="nulled",
        columns=[
            _numbers(bad_numbers),
            Column(name="BOOLEAN", type="b", pairs=bad_words),
            Column(name="row", type="n", pairs=_counted(len(bad_numbers))),
        ],
        options={"on_bad_value": "null"},
    )


def _headers_file() -> NastyFile:
    names = [*nasty_values.TEXTS, "same", "same", "长" * 300]
    pairs: list[Pair] = [("x", text("x"))]
    return NastyFile(
        name="headers", columns=[Column(name=name, type="s", pairs=pairs) for name in names]
    )


def _blank_columns() -> list[Column]:
    """Rows without a cell at the start, in the middle and at the end."""
    values = [None, "a", None, None, "b", "", None]
    pairs: list[Pair] = [(value, None if value is None else text(value)) for value in values]
    return [_strings(pairs), Column(name="null", type="s", pairs=[(None, None)] * len(values))]


def _counted_columns(columns: int, rows: int) -> list[Column]:
    return [
        Column(
            name=f"c{column}",
            type="n",
            pairs=[(f"{row}.{column}5", number(float(f"{row}.{column}5"))) for row in range(rows)],
        )
        for column in range(columns)
    ]


def _repeating_columns(rows: int) -> list[Column]:
    """Few texts in many rows: what a table of shared strings is for."""
    words: list[str | None] = [
        "new",
        "paid",
        "已发货",
        " padded ",
        "_x0041_",
        "a\r\nb",
        "<&>",
        "",
        None,
        "😀",
    ]
    columns: dict[str, list[str | None]] = {
        "state": [words[row * 7 % len(words)] for row in range(rows)],
        "late": [None if row < rows // 2 else words[row % len(words)] for row in range(rows)],
        "growing": [f"group {row // 10}" for row in range(rows)],
        "constant": ["same"] * rows,
    }
    return [
        Column(name=name, type="s", pairs=[(v, None if v is None else text(v)) for v in values])
        for name, values in columns.items()
    ]


def _mixed_columns(rows: int) -> list[Column]:
    """Rows of all types at random, enough for many blocks of the encoder."""
    chance = random.Random(20_260_301)  # noqa: S311 - the same rows on every run
    letters = "abcdefghijklmnopqrstuvwxyz中文订单😀<&\"'\r\n\t _x0041"

    def words() -> str:
        return "".join(chance.choices(letters, k=chance.randrange(40)))

    def some(pair: Callable[[], Pair]) -> Iterable[Pair]:
        for _ in range(rows):
            yield (None, None) if chance.random() < 0.1 else pair()

    def string() -> Pair:
        value = f"|{words()}|"
        return value, text(value)

    def decimal() -> Pair:
        value = f"{chance.randrange(-(10**9), 10**9)}.{chance.randrange(10**5):05}"
        return value, number(float(value))

    def some_day() -> Pair:
        year, month, day = (chance.randrange(*ends) for ends in [(1901, 9999), (1, 13), (1, 29)])
        value = f"{year}-{month:02}-{day:02}"
        return value, date(value)

    def noise() -> Pair:
        value = chance.randbytes(200).hex()
        return value, text(value)

    kinds = [("s", string), ("n", decimal), ("d", some_day), ("s", noise)] * 2
    return [
        Column(name=f"{kind}{index}", type=kind, pairs=list(some(pair)))
        for index, (kind, pair) in enumerate(kinds)
    ]


def all_files() -> list[NastyFile]:
    """Give every file."""
    return [
        NastyFile(name="values", columns=_value_columns()),
        NastyFile(
            name="values_small",
            columns=_value_columns(),
            options={"compression_enabled": True},
        ),
        NastyFile(name="long_texts", columns=[_strings(nasty_values.LONG_TEXTS)]),
        _moved_file(),
        _formatted_file(),
        _stripped_file(),
        _nulled_file(),
        _headers_file(),
        NastyFile(name="no_rows", columns=[_strings([]), _numbers([])]),
        NastyFile(name="one_column", columns=[_strings([*nasty_values.STRINGS, (None, None)])]),
        NastyFile(name="blank_rows", columns=_blank_columns()),
        NastyFile(name="widest", columns=_counted_columns(16_384, rows=2)),
        NastyFile(name="hundred_columns", columns=_counted_columns(100, rows=300)),
        NastyFile(name="low_cardinality", columns=_repeating_columns(rows=4_000)),
        NastyFile(name="mixed", columns=_mixed_columns(rows=3_000)),
        NastyFile(name="repetitive", columns=[_strings([("x" * 32_767, text("x" * 32_767))] * 9)]),
    ]
