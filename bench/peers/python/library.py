"""What the measured program asks of a library."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.frames import Columns

Decoded = tuple[Any, int]
"""What the library takes most readily, and how many rows that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One writer: ``write`` gets a path, the columns and everything that ``decode`` gave."""

    decode: Callable[[bytes, Columns], Decoded]
    write: Callable[[Path, Columns, Iterable[Any]], None]
    messages_at_once: int = 1
    """Libraries of columns want more rows at once than those of rows."""
