"""What `rowferry export` was asked for."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from rowferry.cli.outcome import CommandError, reported, usage_error
from rowferry.cli.sources import InputOptions, form_of
from rowferry.cli.sources.form import UTF_8, InputForm, columns_of, delimiter_of, encoding_of
from rowferry.client import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """What to read and what to make of it; the column types are unchecked."""

    source: str
    input: InputOptions
    file_format: str
    filename: str | None
    column_types: str | None
    request_id: str
    output: Path | None


def order_of(
    *,
    source: str,
    form: str | None,
    delimiter: str | None,
    encoding: str | None,
    has_header: bool,
    columns: str | None,
    file_format: str,
    filename: str | None,
    column_types: str | None,
    request_id: str | None,
    output: Path | None,
    as_json: bool,
) -> ExportOrder:
    """Read the arguments; end the process if they are wrong."""
    try:
        if file_format not in list(Format):
            raise usage_error(f"--format is {' or '.join(Format)}, not {file_format!r}.")
        options = InputOptions(
            form=form_of(source, form),
            delimiter=delimiter_of(source, delimiter),
            encoding=encoding_of(encoding),
            has_header=has_header,
            columns=columns_of(columns),
        )
        _check_csv_alone(options, delimiter=delimiter)
        _check_place(output)
    except CommandError as exc:
        raise reported(exc, as_json=as_json) from exc
    return ExportOrder(
        source=source,
        input=options,
        file_format=file_format,
        filename=filename,
        column_types=column_types,
        request_id=request_id or uuid.uuid4().hex,
        output=output,
    )


def _check_place(output: Path | None) -> None:
    """Refuse now what would be refused when the file is made."""
    if output is not None and output.is_dir():
        raise usage_error(f"{output}: Is a directory")
    if output is not None and not output.parent.is_dir():
        raise usage_error(f"{output}: No such file or directory")


def _check_csv_alone(options: InputOptions, *, delimiter: str | None) -> None:
    """Refuse what would do nothing."""
    if options.form != InputForm.CSV and (delimiter is not None or not options.has_header):
        raise usage_error(f"--delimiter and --no-header are for CSV, not {options.form.value}.")
    if options.form == InputForm.PARQUET and options.encoding != UTF_8:
        raise usage_error("--encoding is for CSV and NDJSON, not parquet.")
