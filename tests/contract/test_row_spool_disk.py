"""What only a spool on disk does: it survives a crash, and the disk it lies on has an end."""

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

import pytest

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Column, ExportSpec, Format, Sheet
from rowferry.free_space import FreeSpace
from rowferry.ports import BatchMessage
from rowferry.spool.disk import DiskSpool
from rowferry.spool.room import SpoolLimits
from tests.record_batches import encode_rows

SPEC = ExportSpec(
    request_id="r",
    format=Format.CSV,
    filename="orders",
    sheets=(Sheet(name="Sheet1", columns=(Column(name="id"),)),),
)
TASK = make_task_id(1, b"0123456789")
OTHER_TASK = make_task_id(2, b"0123456789")


def _batch(sequence: int, *cells: str) -> BatchMessage:
    return encode_rows([(cell,) for cell in cells], sequence), 0


@pytest.fixture
def spool(tmp_path: Path) -> DiskSpool:
    return DiskSpool(tmp_path)


@pytest.fixture
def disk_of_64_kib() -> Callable[[], AbstractContextManager[None]]:
    """Let no file grow past 64 KiB for a while, which is the same to a writer as a full disk."""

    @contextmanager
    def limited() -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / f"{TASK}.rows"


def test_torn_tail_is_cut_at_the_last_whole_batch(spool: DiskSpool, log_file: Path) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a"), _batch(2, "b")])
    whole_bytes = log_file.stat().st_size
    log.append([_batch(3, "c")])
    log.close()
    with log_file.open("r+b") as file:
        file.truncate(log_file.stat().st_size - 1)
    found = spool.open(TASK, SPEC)
    assert found is not None
    assert (found.next_sequence, found.rows) == (3, 2)
    assert log_file.stat().st_size == whole_bytes


def test_appended_rows_are_in_the_file_before_the_log_is_closed(
    spool: DiskSpool, tmp_path: Path
) -> None:
    spool.create(TASK, SPEC).append([_batch(1, "a")])
    found = DiskSpool(tmp_path).open(TASK, SPEC)
    assert found is not None
    assert found.rows == 1


def test_only_the_owner_may_look_into_the_folder(tmp_path: Path) -> None:
    DiskSpool(tmp_path / "spool")
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_folder_that_can_not_be_made_is_a_write_failure(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"a file is in the way")
    with pytest.raises(RowferryError) as caught:
        DiskSpool(tmp_path / "spool")
    assert caught.value.code is ErrorCode.WRITE_FAILED


def test_log_that_exists_is_not_made_again(spool: DiskSpool) -> None:
    spool.create(TASK, SPEC)
    with pytest.raises(RowferryError) as caught:
        spool.create(TASK, SPEC)
    assert caught.value.code is ErrorCode.WRITE_FAILED


def test_log_that_can_not_be_removed_is_a_write_failure(spool: DiskSpool, log_file: Path) -> None:
    log_file.mkdir()
    with pytest.raises(RowferryError) as caught:
        spool.delete(TASK)
    assert caught.value.code is ErrorCode.WRITE_FAILED


def test_file_that_is_no_log_is_refused(spool: DiskSpool, log_file: Path) -> None:
    log_file.write_bytes(b"something else altogether, and longer than a header")
    with pytest.raises(RowferryError) as caught:
        spool.open(TASK, SPEC)
    assert caught.value.code is ErrorCode.INTERNAL


def test_files_of_others_are_no_logs(spool: DiskSpool, tmp_path: Path) -> None:
    (tmp_path / "notes.rows").touch()
    (tmp_path / f"{TASK}.txt").touch()
    assert list(spool.task_ids()) == []


def test_full_disk_refuses_the_batch_and_keeps_the_log_whole(
    spool: DiskSpool, disk_of_64_kib: Callable[[], AbstractContextManager[None]]
) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    with disk_of_64_kib():
        refused = log.append([_batch(2, "x" * 100_000)]).refused
    assert refused is not None
    assert refused.code is ErrorCode.DISK_FULL
    assert (log.next_sequence, log.rows) == (2, 1)
    done = log.append([_batch(2, "b")])
    assert (done.refused, done.rows) == (None, 2)


def test_closed_log_takes_no_rows(spool: DiskSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.close()
    with pytest.raises(RowferryError) as caught:
        log.append([_batch(1, "a")])
    assert caught.value.code is ErrorCode.INTERNAL
    with pytest.raises(RowferryError):
        log.end(0)
    with pytest.raises(RowferryError):
        log.reader()


# What the disk has.


def test_bytes_of_all_logs_are_counted_exactly_also_by_the_next_run(
    tmp_path: Path, log_file: Path
) -> None:
    first = DiskSpool(tmp_path)
    log, other = first.create(TASK, SPEC), first.create(OTHER_TASK, SPEC)
    log.append([_batch(1, "a"), _batch(2, "too", "wide")])
    log.append([_batch(1, "a"), _batch(4, "b")])
    other.end(0)
    assert first.used_bytes == _size_of_logs(tmp_path)
    log.close()
    with log_file.open("ab") as file:
        file.write(b"torn")
    second = DiskSpool(tmp_path)
    assert second.used_bytes == _size_of_logs(tmp_path)
    second.open(TASK, SPEC)
    assert second.used_bytes == _size_of_logs(tmp_path)
    second.delete(TASK)
    assert second.used_bytes == _size_of_logs(tmp_path) == other.file_bytes
    second.delete(OTHER_TASK)
    assert second.used_bytes == 0


def test_spool_that_an_earlier_run_filled_is_full(tmp_path: Path) -> None:
    DiskSpool(tmp_path).create(TASK, SPEC).append([_batch(1, "x" * 5000)])
    with pytest.raises(RowferryError) as caught:
        DiskSpool(tmp_path, SpoolLimits(max_bytes=4000)).create(OTHER_TASK, SPEC)
    assert caught.value.code is ErrorCode.DISK_FULL


def test_disk_is_left_some_room_and_the_log_goes_on_once_there_is_more(tmp_path: Path) -> None:
    free_bytes = [1e9]
    space = FreeSpace(tmp_path, 10**8, free_bytes=lambda _: free_bytes[0], now=lambda: next(clock))
    clock = count(step=10)
    spool = DiskSpool(tmp_path, SpoolLimits(), space)
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    free_bytes[0] = 1e7
    refused = log.append([_batch(2, "b")]).refused
    assert refused is not None
    assert refused.code is ErrorCode.DISK_FULL
    with pytest.raises(RowferryError) as caught:
        spool.create(OTHER_TASK, SPEC)
    assert caught.value.code is ErrorCode.DISK_FULL
    free_bytes[0] = 1e9
    assert log.append([_batch(2, "b")]).rows == 2


def test_log_of_an_earlier_run_is_synced_before_its_rows_count_as_kept(tmp_path: Path) -> None:
    DiskSpool(tmp_path).create(TASK, SPEC).append([_batch(1, "a")])
    found = DiskSpool(tmp_path, SpoolLimits(fsync=True)).open(TASK, SPEC)
    assert found is not None
    assert not found.unsynced


def test_log_whose_sync_failed_is_cut_to_what_is_safe_and_takes_no_more(
    tmp_path: Path, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DiskSpool(tmp_path, SpoolLimits(fsync=True)).create(TASK, SPEC)
    log.append([_batch(1, "a")])
    log.sync()
    safe_bytes = log_file.stat().st_size
    log.append([_batch(2, "b")])
    monkeypatch.setattr(log, "_syncer", _FailingSync(safe_bytes))
    with pytest.raises(RowferryError) as caught:
        log.sync()
    assert caught.value.code is ErrorCode.WRITE_FAILED
    assert log_file.stat().st_size == safe_bytes
    refused = log.append([_batch(3, "c")]).refused
    assert refused is not None
    assert refused.code is ErrorCode.WRITE_FAILED
    found = DiskSpool(tmp_path).open(TASK, SPEC)
    assert found is not None
    assert found.next_sequence == 2


def test_log_is_not_opened_again_while_a_write_of_it_hangs(
    spool: DiskSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    disk = _HangingDisk()
    monkeypatch.setattr(log, "_room", disk)
    failures: list[RowferryError] = []

    def append_late() -> None:
        with pytest.raises(RowferryError) as caught:
            log.append([_batch(2, "late")])
        failures.append(caught.value)

    thread = threading.Thread(target=append_late)
    thread.start()
    assert disk.reached.wait(20)
    log.close()  # waits for nothing
    with pytest.raises(RowferryError) as caught:
        spool.open(TASK, SPEC)
    assert caught.value.code is ErrorCode.WRITE_FAILED
    disk.answers.set()
    thread.join()
    found = spool.open(TASK, SPEC)
    assert found is not None
    assert found.next_sequence == 2
    assert failures[0].code is ErrorCode.INTERNAL  # closed


class _HangingDisk:
    """Room for a write, which is told of only when somebody says so."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.answers = threading.Event()

    @contextmanager
    def reserved(self, _: int) -> Iterator[None]:
        self.reached.set()
        assert self.answers.wait(20)
        yield


class _FailingSync:
    def __init__(self, synced_bytes: int) -> None:
        self.synced_bytes = synced_bytes

    def sync(self) -> None:
        raise RowferryError(ErrorCode.WRITE_FAILED, "The disk is gone.")


def _size_of_logs(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.rows"))


@pytest.mark.parametrize("fsync", [False, True])
def test_deleted_log_takes_no_room_once_it_and_its_sources_are_closed(
    tmp_path: Path, log_file: Path, *, fsync: bool
) -> None:
    def is_open() -> bool:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return any(str(log_file) in str(link.readlink()) for link in links)

    spool = DiskSpool(tmp_path, SpoolLimits(fsync=fsync))
    log = spool.create(TASK, SPEC)
    source = log.reader()
    log.append([_batch(1, "a")])
    log.sync()
    assert source.read(1 << 20)
    assert is_open()
    spool.delete(TASK)
    log.close()
    source.close()
    assert not is_open()
