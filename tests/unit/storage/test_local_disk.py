"""What the storage on local disk promises on top: nothing half-done, nothing left behind."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.ports import NewObject, StoredObject
from rowferry.storage.local_disk import LocalDiskStorage

BODY = b"x" * 3_000_000
KEY = "task/1.csv"
NEW = NewObject(key=KEY, content_type="text/csv", content_disposition="attachment")
STORED = StoredObject(
    key=KEY,
    size_bytes=len(BODY),
    content_type="text/csv",
    content_disposition="attachment",
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def storage(directory: Path) -> LocalDiskStorage:
    return LocalDiskStorage(directory)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    path = tmp_path / "finished.csv"
    path.write_bytes(BODY)
    return path


def failing(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_object_is_a_plain_file_under_its_key(
    storage: LocalDiskStorage, directory: Path, finished: Path
) -> None:
    storage.put(str(finished), NEW)
    assert (directory / KEY).read_bytes() == BODY


def test_delete_removes_the_side_file_and_empty_folders(
    storage: LocalDiskStorage, directory: Path, finished: Path
) -> None:
    storage.put(str(finished), NEW)
    storage.delete(KEY)
    assert list(directory.rglob("*")) == []
    assert directory.is_dir()


def test_another_run_of_the_service_finds_the_objects(directory: Path, finished: Path) -> None:
    LocalDiskStorage(directory).put(str(finished), NEW)
    assert LocalDiskStorage(directory).head(KEY) == STORED


def test_stop_before_the_rename_leaves_no_object(
    storage: LocalDiskStorage,
    directory: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_paths: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", stop)
    with pytest.raises(KeyboardInterrupt):
        storage.put(str(finished), NEW)
    assert storage.head(KEY) is None
    assert finished.read_bytes() == BODY
    storage.delete(KEY)
    assert list(directory.rglob("*")) == []


def test_file_comes_from_another_file_system_whole(
    storage: LocalDiskStorage,
    directory: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rename_across(monkeypatch, finished)
    storage.put(str(finished), NEW)
    assert (directory / KEY).read_bytes() == BODY
    assert storage.head(KEY) == STORED
    assert not finished.exists()
    storage.delete(KEY)
    assert list(directory.rglob("*")) == []


def test_full_disk_during_a_copy_leaves_no_part_of_it(
    storage: LocalDiskStorage,
    directory: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fill(_origin: object, copy: object, _block_bytes: int) -> None:
        copy.write(BODY[:1000])  # type: ignore[attr-defined]
        raise failing(errno.ENOSPC)

    rename_across(monkeypatch, finished)
    monkeypatch.setattr(shutil, "copyfileobj", fill)
    with pytest.raises(RowferryError) as refusal:
        storage.put(str(finished), NEW)
    assert refusal.value.code is ErrorCode.DISK_FULL
    assert storage.head(KEY) is None
    assert finished.read_bytes() == BODY
    storage.delete(KEY)
    assert list(directory.rglob("*")) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.DISK_FULL),
        (errno.EDQUOT, ErrorCode.DISK_FULL),
        (errno.EIO, ErrorCode.STORAGE_UNAVAILABLE),
        (errno.EACCES, ErrorCode.STORAGE_UNAVAILABLE),
    ],
)
def test_operating_system_errors_become_codes(
    storage: LocalDiskStorage,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    code: ErrorCode,
) -> None:
    def fail(_descriptor: int) -> None:
        raise failing(number)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RowferryError) as refusal:
        storage.put(str(finished), NEW)
    assert refusal.value.code is code
    assert isinstance(refusal.value.__cause__, OSError)
    assert str(finished) not in refusal.value.message


def test_everything_is_on_disk_before_the_object_shows(
    storage: LocalDiskStorage,
    directory: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synced: list[str] = []
    real_sync, real_rename = os.fsync, Path.rename

    def sync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real_sync(descriptor)

    def rename(source: Path, target: Path) -> Path:
        synced.append("rename")
        return real_rename(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    storage.put(str(finished), NEW)
    folder = directory / "task"
    assert synced == [
        str(directory),
        str(folder / ".1.csv.json"),
        str(finished),
        "rename",
        str(folder),
    ]


def test_storage_without_its_directory_is_not_healthy(
    storage: LocalDiskStorage, directory: Path
) -> None:
    directory.rmdir()
    with pytest.raises(RowferryError) as refusal:
        storage.health()
    assert refusal.value.code is ErrorCode.STORAGE_UNAVAILABLE


def test_directory_that_can_not_be_made_is_refused_at_once(finished: Path) -> None:
    with pytest.raises(RowferryError) as refusal:
        LocalDiskStorage(finished / "objects")
    assert refusal.value.code is ErrorCode.STORAGE_UNAVAILABLE


def test_folder_with_something_else_in_it_is_kept(
    storage: LocalDiskStorage, directory: Path, finished: Path
) -> None:
    storage.put(str(finished), NEW)
    (directory / "task" / "notes").write_text("mine")
    storage.delete(KEY)
    assert [path.name for path in (directory / "task").iterdir()] == ["notes"]


def rename_across(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    """Let the source lie on another file system, as rename(2) tells it: EXDEV."""
    real_rename = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path == source:
            raise failing(errno.EXDEV)
        return real_rename(path, target)

    monkeypatch.setattr(Path, "rename", rename)


def test_listing_passes_over_what_is_removed_meanwhile(
    storage: LocalDiskStorage, tmp_path: Path
) -> None:
    keys = {f"exports/{number}/1.csv" for number in range(3)}
    for key in keys:
        source = tmp_path / "source"
        source.write_bytes(BODY[:1])
        storage.put(
            str(source), NewObject(key=key, content_type="", content_disposition="attachment")
        )
    listing = storage.objects("exports")
    first = next(listing).key
    for key in keys - {first}:
        storage.delete(key)
    assert list(listing) == []
