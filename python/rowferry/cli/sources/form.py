"""How an input is written: its form, and what a CSV file leaves open."""

import csv
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Final

from rowferry.cli.outcome import usage_error

UTF_8: Final = "utf-8"


class InputForm(StrEnum):
    """The form of an input."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


_ENDINGS: Final = {
    ".ndjson": InputForm.NDJSON,
    ".jsonl": InputForm.NDJSON,
    ".parquet": InputForm.PARQUET,
    ".pq": InputForm.PARQUET,
}
_TAB_WORDS: Final = frozenset({"tab", "\\t"})


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """What is known of an input before it is read."""

    form: InputForm
    delimiter: str = ","
    encoding: str = UTF_8
    has_header: bool = True
    columns: tuple[str, ...] = ()
    """Empty: the input names them."""

    @property
    def is_plain(self) -> bool:
        """Whether the input's bytes are what the service takes as they are."""
        return self.encoding == UTF_8 and (self.form != InputForm.CSV or self.delimiter == ",")


def form_of(name: str, wanted: str | None) -> InputForm:
    """Tell the form by the word, else by the file's ending, else CSV; raise CommandError."""
    if wanted is None:
        return _ENDINGS.get(PurePath(name).suffix.lower(), InputForm.CSV)
    try:
        return InputForm(wanted.lower())
    except ValueError as exc:
        raise usage_error(f"--from is {', '.join(InputForm)}, not {wanted!r}.") from exc


def delimiter_of(name: str, wanted: str | None) -> str:
    """Tell the delimiter, a tab for .tsv, else a comma; raise CommandError."""
    if wanted is None:
        return "\t" if PurePath(name).suffix.lower() == ".tsv" else ","
    delimiter = "\t" if wanted.lower() in _TAB_WORDS else wanted
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise usage_error(f"--delimiter is one character, or `tab`, not {wanted!r}.")
    return delimiter


def encoding_of(wanted: str | None) -> str:
    """Tell the encoding, UTF-8 by default; raise CommandError for one that Python lacks."""
    name = (wanted or UTF_8).lower()
    if name in {UTF_8, "utf8", "utf-8-sig"}:
        return UTF_8
    try:
        b"a".decode(name)  # hex and the like are codecs, and make no text
    except UnicodeDecodeError:
        return name  # of two bytes a character, or more
    except LookupError as exc:
        raise usage_error(f"--encoding {wanted!r} is no encoding that is known here.") from exc
    return name


def columns_of(wanted: str | None) -> tuple[str, ...]:
    """Read names with commas between them, as a CSV record; raise CommandError."""
    if wanted is None:
        return ()
    try:
        return tuple(next(csv.reader([wanted], strict=True), ()))
    except csv.Error as exc:
        raise usage_error(f"--columns are names with commas between them: {exc}.") from exc
