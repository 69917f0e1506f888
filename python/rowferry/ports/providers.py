"""Where pulled rows come from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from rowferry.domain.spec import Column, ExportSpec
from rowferry.ports.rows import RowSource


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonRows:
    """A batch that is encoded already: one JSON array of row arrays, UTF-8."""

    rows: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRows:
    """A batch that is encoded already: RFC 4180 records in UTF-8, no header."""

    rows: bytes


RowBatch = Sequence[Any] | JsonRows | CsvRows
"""Some rows: each a list or tuple with one cell for each column, or a mapping by column key.

A cell is text, a number (``Decimal`` keeps every digit), a truth value, a ``date``, a ``datetime``
or None.
"""


class Cancellation(Protocol):
    """How the end of an export reaches a provider that is blocked."""

    def on_cancel(self, hook: Callable[[], object]) -> None:
        """Call ``hook`` from another thread when the export is cancelled, at once if it is.

        It is called again while the provider goes on: what it ends may have begun only then.
        """

    @property
    def cancelled(self) -> bool:
        """Tell whether the export is cancelled."""


class DataProvider(Protocol):
    """Where pulled rows come from: what users write. All methods may block, none needs trio.

    Any exception means that another try may help, but for a ``RowferryError`` that says
    INVALID_METADATA, INVALID_ROW, NOT_FOUND, PROVIDER_REFUSED or PROVIDER_TIMEOUT: its message
    goes to the client.
    """

    @property
    def name(self) -> str:
        """The stable name that requests use."""

    @property
    def parameter_schema(self) -> Mapping[str, Any]:
        """What parameters it takes: JSON Schema (draft 4, 6 or 7) of an object."""

    def columns(self, parameters: Mapping[str, Any]) -> Sequence[Column]:
        """Give the columns of the rows, for requests that name none; answer soon."""

    def rows(
        self, parameters: Mapping[str, Any], cancellation: Cancellation
    ) -> Iterator[RowBatch]:
        """Give all rows, in batches; all in one thread, which closes the iterator too."""


@runtime_checkable
class CountsRows(Protocol):
    """A data provider that can tell the number of its rows beforehand: it makes progress known."""

    def count(self, parameters: Mapping[str, Any], cancellation: Cancellation) -> int | None:
        """Give the number of rows ``rows`` will give; None = not known this time."""


class PulledSource(RowSource, Protocol):
    """A provider being read, once. One thread calls all but ``cancel``.

    ``read`` waits for rows: b"" is the end. It raises PROVIDER_FAILED for whatever the provider
    raises, INVALID_ROW for rows that fit no file.
    """

    def count(self) -> int | None:
        """Give the number of rows to come; None if the provider can't tell."""

    def cancel(self) -> None:
        """Make a ``read`` in another thread end soon, if the provider can; never waits for it.

        May be called again: what began behind the first call is ended by the next.
        """

    def close(self) -> None:
        """Let go of the provider's iterator."""


class DataProviders(Protocol):
    """The data providers there are."""

    def accept(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give checked parameters, defaults filled in.

        Raises INVALID_METADATA for an unknown provider, naming those there are, and for
        parameters that its schema refuses, naming the field.
        """

    def columns(self, name: str, parameters: Mapping[str, Any]) -> tuple[Column, ...]:
        """Ask the provider for its columns: blocking; raise PROVIDER_FAILED if it can't tell."""

    def open(self, spec: ExportSpec) -> PulledSource:
        """Prepare to read a request's rows; nothing is asked of the provider yet.

        Raises PROVIDER_FAILED when it is not there any more: another node may have it.
        """
