"""On which line of a file a row stands: looked up when it was refused, by reading once more."""

import csv
import json
import sys
from pathlib import Path

from rowferry.cli.sources.form import InputForm, InputOptions


def place_of_row(path: Path, options: InputOptions, row: int) -> dict[str, str]:
    """Tell the line, from 1, on which a row begins, and what is wrong with its JSON.

    ``row`` counts data rows from 1. Gives {} where lines mean nothing, or the file has changed.
    """
    if options.form == InputForm.PARQUET:
        return {}
    try:
        return _found(path, options, row)
    except (OSError, csv.Error):
        return {}  # it is gone, or another one


def _found(path: Path, options: InputOptions, row: int) -> dict[str, str]:
    with path.open(encoding=options.encoding, errors="replace", newline="") as file:
        if options.form == InputForm.NDJSON:
            numbered = ((number, line) for number, line in enumerate(file, 1) if line.strip())
            found = next((place for count, place in enumerate(numbered, 1) if count == row), None)
            return {} if found is None else {"line": str(found[0])} | _fault_of_json(found[1])
        csv.field_size_limit(sys.maxsize)
        reader = csv.reader(file, delimiter=options.delimiter)
        wanted = row + options.has_header
        begun, count, columns = 1, 0, 0
        for record in reader:
            columns = columns or len(record)
            count += bool(record) or columns == 1
            if count == wanted:
                return {"line": str(begun)}
            begun = reader.line_num + 1
    return {}


def _fault_of_json(line: str) -> dict[str, str]:
    try:
        json.loads(line)
    except json.JSONDecodeError as exc:
        return {"character": str(exc.colno)}
    return {}
