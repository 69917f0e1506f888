"""Both Python clients behind one face, so that each test runs with each."""

import datetime as dt
import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Unpack

import trio

from rowferry import client as trio_client
from rowferry.client import Column, ExportOptions, ExportResult, Progress, sync
from rowferry.client.export_spec import ExportSpec
from rowferry.client.tables import Table
from tests.clients.conformance import Case, generated_rows


class Facade(Protocol):
    """What tests ask of a client."""

    def __call__(
        self,
        rows: Iterable[Any] | Table,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        into: Path | None = None,
        **spec: Unpack[ExportSpec],
    ) -> ExportResult:
        """Export rows, perhaps into a file."""


MakeFacade = Callable[..., Facade]
"""Takes what a client takes: an address, and so on."""


@dataclass(frozen=True, slots=True)
class TrioFacade:
    """``rowferry.client.Client``."""

    make: Callable[[], trio_client.Client]

    def __call__(
        self,
        rows: Iterable[Any] | Table,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        into: Path | None = None,
        **spec: Unpack[ExportSpec],
    ) -> ExportResult:
        async def export() -> ExportResult:
            async with self.make() as client:
                result = await client.export(rows, on_progress=on_progress, **spec)
                if into is not None:
                    await client.download(result, into)
                return result

        return trio.run(export)


@dataclass(frozen=True, slots=True)
class SyncFacade:
    """``rowferry.client.sync.Client``."""

    make: Callable[[], sync.Client]

    def __call__(
        self,
        rows: Iterable[Any] | Table,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        into: Path | None = None,
        **spec: Unpack[ExportSpec],
    ) -> ExportResult:
        with self.make() as client:
            result = client.export(rows, on_progress=on_progress, **spec)
            if into is not None:
                client.download(result, into)
            return result


def trio_facade(address: str, **options: Any) -> Facade:  # noqa: ANN401
    """Give the client for trio."""
    return TrioFacade(partial(trio_client.Client, address, **options))


def sync_facade(address: str, **options: Any) -> Facade:  # noqa: ANN401
    """Give the client that blocks."""
    return SyncFacade(partial(sync.Client, address, **options))


FACADES: dict[str, MakeFacade] = {"trio": trio_facade, "sync": sync_facade}


class TextObject:
    """An object that says how it reads."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


class NoCell:
    """An object that does not."""


_VALUES: dict[str, Callable[[Any], object]] = {
    "$int": int,
    "$float": float,
    "$decimal": Decimal,
    "$date": dt.date.fromisoformat,
    "$datetime": dt.datetime.fromisoformat,
    "$datetime_offset": dt.datetime.fromisoformat,
    "$enum": lambda text: enum.Enum("Word", {"WORD": text}).WORD,  # type: ignore[attr-defined]
    "$text_object": TextObject,
    "$bytes_hex": lambda digits: bytes.fromhex(digits).decode(errors="surrogateescape"),
    "$object": lambda _: NoCell(),
}


def rows_of(case: Case) -> Iterable[Any]:
    """Give a case's rows as Python has them."""
    if "generated" in case:
        return generated_rows(case["generated"]["rows"])
    return [_row(row) for row in case["rows"]]


def spec_of(case: Case) -> ExportSpec:
    """Give the arguments of a case's export."""
    columns = [
        Column(
            column["name"],
            column.get("data_type", "STRING"),
            width=column.get("width", 0),
            format=column.get("format", ""),
            key=column.get("key", ""),
        )
        for column in case["columns"]
    ]
    return {
        "columns": columns,
        "format": {"EXCEL": "xlsx", "CSV": "csv"}[case["format"]],
        "options": ExportOptions(**case.get("options", {})),
    }


def _row(row: Any) -> Any:  # noqa: ANN401  a list or a mapping
    if isinstance(row, dict):
        return {key: _cell(cell) for key, cell in row.items()}
    return [_cell(cell) for cell in row]


def _cell(cell: Any) -> Any:  # noqa: ANN401
    if isinstance(cell, dict) and len(cell) == 1:
        [(kind, text)] = cell.items()
        if kind in _VALUES:
            return _VALUES[kind](text)
    return cell
