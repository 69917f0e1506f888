"""Objects in memory: for tests, and for services that may forget their files."""

import io
import threading
from pathlib import Path

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.ports import StoredObject
from rowferry.storage.object_keys import check_key


class MemoryStorage:
    """An ``ObjectStorage`` that holds every object's bytes until the process ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, tuple[StoredObject, bytes]] = {}

    def put(self, path: str, stored: StoredObject) -> None:
        """Read the file at ``path`` whole and remove it."""
        check_key(stored.key)
        try:
            body = Path(path).read_bytes()
            Path(path).unlink()
        except OSError as error:
            message = "The finished file could not be read."
            raise RowferryError(ErrorCode.STORAGE_UNAVAILABLE, message) from error
        with self._lock:
            self._objects[stored.key] = (stored, body)

    def head(self, key: str) -> StoredObject | None:
        """Look an object up."""
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        return found[0] if found else None

    def delete(self, key: str) -> None:
        """Forget an object."""
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def open_range(self, key: str, start: int) -> io.BytesIO:
        """Open an object's bytes from ``start`` on; raise NOT_FOUND."""
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise RowferryError(ErrorCode.NOT_FOUND, "The file is not in storage.")
        stream = io.BytesIO(found[1])
        stream.seek(start)
        return stream

    def health(self) -> None:
        """Do nothing: memory is always there."""
