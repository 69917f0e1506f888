"""Which keys an object may have, in every storage."""

import re
from typing import Final

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.storage_fault import FaultKind, StorageFault

MAX_KEY_CHARS: Final = 512
# Segments of plain ASCII that begin with a letter, a digit or "_": no "..", no hidden files, no
# empty segment. Keys are made of task ids, so none that the service makes is refused.
_KEY = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.=-]*(/[0-9A-Za-z_][0-9A-Za-z_.=-]*)*")


def check_key(key: str) -> None:
    """Raise STORAGE_UNAVAILABLE for a key that could mean a place outside the storage."""
    if len(key) > MAX_KEY_CHARS or _KEY.fullmatch(key) is None:
        raise StorageFault(FaultKind.REFUSED, "The storage refuses this object key.")


def not_in_storage() -> RowferryError:
    """Build the answer for an object that is not there (any more)."""
    return RowferryError(ErrorCode.NOT_FOUND, "The file is not in storage.")
