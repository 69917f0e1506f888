"""Objects as plain files in a directory, each with what is known of it in a JSON file beside it.

An object is there when its file is: the file comes by rename, after everything else, and it is
on disk before that. So nobody ever sees part of one, whenever the machine stops.
"""

import contextlib
import errno
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any, Final

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.durable_files import sync_folder, write_durably
from rowferry.ports import ListedObject, NewObject, StoredObject
from rowferry.storage.object_keys import check_key, not_in_storage

# Keys never begin with a dot, so neither name can be an object's.
_SIDE_PREFIX: Final = "."
_SIDE_SUFFIX: Final = ".json"
_ARRIVING_PREFIX: Final = ".arriving-"
_COPY_BLOCK_BYTES: Final = 1 << 20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class LocalDiskStorage:
    """An ``ObjectStorage`` in ``directory``, which is made when it is not there.

    It has no addresses of its own, and no uploads in parts: the finished file is moved.
    """

    multipart: Final = None

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = Path(directory).absolute()
        self._folders = threading.Lock()  # or an emptied folder is removed under a new object
        with _translated("The storage directory can't be made."):
            self._directory.mkdir(parents=True, exist_ok=True)

    def put(self, path: str, new: NewObject) -> None:
        """Move the file at ``path`` under its key: a rename on one file system, else a copy."""
        target = self._path(new.key)
        with _translated("The finished file could not be stored."):
            size_bytes = Path(path).stat().st_size
            target.unlink(
                missing_ok=True
            )  # else its bytes had the new one's side file for a while
            with self._folders:
                self._make_folder(target.parent)
                write_durably(_side_path(target), _document(new, size_bytes))
            _move_durably(Path(path), target)

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Note the tags in the side file; raise NOT_FOUND."""
        document = {**self._side_document(key), "tags": dict(tags)}
        side, arriving = _side_path(self._path(key)), _arriving_path(self._path(key))
        with _translated("The stored file's tags could not be written."):
            write_durably(arriving, _encoded(document))
            arriving.rename(side)

    def tags(self, key: str) -> Mapping[str, str]:
        """Give an object's tags; raise NOT_FOUND."""
        tags: Mapping[str, str] = self._side_document(key)["tags"]
        return tags

    def head(self, key: str) -> StoredObject | None:
        """Look an object up; one whose file or side file is missing is not there."""
        document = self._read_side_document(key)
        if document is None:
            return None
        del document["tags"]
        return StoredObject(key=key, **document)

    def _side_document(self, key: str) -> dict[str, Any]:
        document = self._read_side_document(key)
        if document is None:
            raise not_in_storage()
        return document

    def _read_side_document(self, key: str) -> dict[str, Any] | None:
        target = self._path(key)
        with _translated("The storage can't be read."):
            try:
                target.stat()
                document: dict[str, Any] = json.loads(_side_path(target).read_bytes())
            except (FileNotFoundError, NotADirectoryError):
                return None
        return document

    def delete(self, key: str) -> None:
        """Remove an object, its side file and the folders that become empty."""
        target = self._path(key)
        with _translated("The stored file could not be removed."):
            for path in (target, _arriving_path(target), _side_path(target)):
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
            self._remove_empty_folders(target.parent)

    def open_range(self, key: str, start: int) -> "ObjectFile":
        """Open an object's bytes from ``start`` on; raise NOT_FOUND."""
        target = self._path(key)
        with _translated("The stored file can't be read."):
            try:
                stream = target.open("rb", buffering=0)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise not_in_storage() from error
            stream.seek(start)
        return ObjectFile(stream)

    def signed_url(self, stored: StoredObject, expires_in_seconds: int) -> None:  # noqa: ARG002
        """Give no address: files are to be had from the service only."""
        return

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """List the files below a folder."""
        with _translated("The storage can't be read."):
            for folder, _, names in os.walk(self._directory / prefix, onerror=_raise_but_absence):
                for path in (Path(folder, name) for name in names):
                    stat = None if path.name.startswith(_SIDE_PREFIX) else _stat(path)
                    if stat is not None:
                        yield ListedObject(
                            key=str(path.relative_to(self._directory)),
                            size_bytes=stat.st_size,
                            modified_at=datetime.fromtimestamp(stat.st_mtime, UTC),
                        )

    def health(self) -> None:
        """Make and remove a file."""
        with (
            _translated("The storage directory takes no files."),
            tempfile.NamedTemporaryFile(dir=self._directory, prefix=_ARRIVING_PREFIX) as probe,
        ):
            probe.write(b"rowferry")
            probe.flush()

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._directory / key

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and its parents, each one's name on disk."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir()
        sync_folder(folder.parent)

    def _remove_empty_folders(self, folder: Path) -> None:
        with self._folders:
            while folder != self._directory:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    pass  # its parent may be empty too
                except OSError:
                    return  # something else is in it
                folder = folder.parent


class ObjectFile:
    """The bytes of an object on disk: a ``ports.ByteStream``."""

    def __init__(self, stream: FileIO) -> None:
        self._stream = stream

    def read(self, max_bytes: int) -> bytes:
        """Give at most ``max_bytes``; b"" at the end; raise STORAGE_UNAVAILABLE."""
        with _translated("The stored file can't be read."):
            return self._stream.read(max_bytes)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


@contextlib.contextmanager
def _translated(message: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RowferryError(ErrorCode.DISK_FULL, "The storage is full.") from error
        reason = errno.errorcode.get(error.errno or 0, "")
        raise StorageFault(FaultKind.REFUSED, message, reason=reason) from error


def _raise_but_absence(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # else it was removed while folders are listed
        raise error


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _document(new: NewObject, size_bytes: int) -> bytes:
    return _encoded(
        {
            "size_bytes": size_bytes,
            "content_type": new.content_type,
            "content_disposition": new.content_disposition,
            "tags": {},
        }
    )


def _encoded(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _side_path(target: Path) -> Path:
    return target.with_name(f"{_SIDE_PREFIX}{target.name}{_SIDE_SUFFIX}")


def _arriving_path(target: Path) -> Path:
    return target.with_name(_ARRIVING_PREFIX + target.name)


def _move_durably(source: Path, target: Path) -> None:
    with source.open("rb") as stream:
        os.fsync(stream.fileno())
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_durably(source, target)
        source.unlink()
    sync_folder(target.parent)


def _copy_durably(source: Path, target: Path) -> None:
    arriving = _arriving_path(target)
    try:
        with source.open("rb") as origin, arriving.open("wb") as copy:
            shutil.copyfileobj(origin, copy, _COPY_BLOCK_BYTES)
            copy.flush()
            os.fsync(copy.fileno())
        arriving.rename(target)
    except OSError:
        arriving.unlink(missing_ok=True)
        raise
