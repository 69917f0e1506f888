"""An input whose columns are known and whose rows are to be read."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from rowferry.cli.outcome import usage_error
from rowferry.cli.sources.form import InputForm, InputOptions
from rowferry.cli.sources.input_file import InputFile
from rowferry.cli.sources.text_source import TextSource
from rowferry.client import Column
from rowferry.client.packing import PackedRows


class Source(Protocol):
    """Rows to be sent. Everything blocks: call it in a thread."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns, with the types that the input gives them."""

    @property
    def expected_rows(self) -> int:
        """How many rows there are, 0 where only reading them tells."""

    def groups(self, *, max_message_bytes: int) -> Iterator[Sequence[PackedRows]]:
        """Give the rows in batches, group by group; raise RowferryError."""


def open_source(file: InputFile, options: InputOptions) -> Source:
    """Read as much as tells the columns; raise CommandError for an input of no use."""
    if options.form != InputForm.PARQUET:
        return TextSource(file, options)
    try:
        # pyarrow is an extra, and slow to import.
        from rowferry.cli.sources.parquet_source import ParquetSource  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise usage_error("Parquet files need the extra: rowferry[arrow].") from exc
    return ParquetSource(file, options, with_offsets=False)
