import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rowferry._core import CoreError, SpoolLog, SpoolReader
from rowferry.v1 import export_pb2
from tests.unit.core.exporting import encode, make_schema

SCHEMA = make_schema("CSV", "ss")


def _batch(text: str, sequence: int = 0) -> tuple[bytes, int]:
    return encode([[text, "x"]], sequence), 0


def _read_all(reader: SpoolReader) -> bytes:
    frames = b""
    while span := reader.read(1 << 20):
        frames += span
    return frames


@contextmanager
def _largest_file(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_message_may_lie_behind_other_bytes() -> None:
    log = SpoolLog.create(SCHEMA, None)
    message = encode([["a", None], ["b", "c"]], 1)
    appended = log.append([(b"header" + message, 6)])
    assert appended.refused is None
    assert (appended.rows, appended.last_sequence, appended.batches_appended) == (2, 1, 1)
    stored = encode([["a", None], ["b", "c"]])
    assert stored in log.reader().read(1 << 20)
    assert appended.payload_bytes == len(stored)


def test_a_refusal_is_an_error_that_is_not_raised() -> None:
    log = SpoolLog.create(SCHEMA, None)
    appended = log.append([_batch("a", 1), _batch("c", 3)])
    assert isinstance(appended.refused, CoreError)
    assert appended.refused.code == "SEQUENCE_GAP"
    assert appended.refused.context == {"expected": "2", "got": "3"}
    assert (log.rows, log.next_sequence) == (1, 2)


def test_a_bad_row_is_named() -> None:
    packed = export_pb2.RecordBatch(json_rows=b'[["a","b"],["c",{}]]').SerializeToString()
    refused = SpoolLog.create(SCHEMA, None).append([(packed, 0)]).refused
    assert refused is not None
    assert refused.code == "INVALID_ROW"
    assert refused.context["row"] == "2"
    assert refused.context["column"] == "1"


def test_an_offset_behind_its_buffer_is_a_callers_mistake() -> None:
    log = SpoolLog.create(SCHEMA, None)
    with pytest.raises(ValueError, match="offset"):
        log.append([(b"abc", 4)])


def test_a_reopened_log_tells_where_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = SpoolLog.create(SCHEMA, path)
    log.append([_batch("a", 1), _batch("b", 2)])
    syncer = log.syncer()
    syncer.sync()
    assert syncer.synced_bytes == log.file_bytes
    log.close()
    with path.open("ab") as torn:
        torn.write(b"half a frame")
    log = SpoolLog.open(SCHEMA, path)
    assert (log.next_sequence, log.rows, log.ended) == (3, 2, False)
    assert path.stat().st_size == log.file_bytes
    assert log.append([_batch("b", 2)]).duplicates == 1
    log.end(2)
    assert SpoolLog.open(SCHEMA, path).ended


def test_the_end_of_rows_checks_their_count() -> None:
    log = SpoolLog.create(SCHEMA, None)
    log.append([_batch("a")])
    with pytest.raises(CoreError) as raised:
        log.end(5)
    assert raised.value.code == "ROW_COUNT_MISMATCH"
    assert raised.value.context == {"expected": "5", "got": "1"}
    log.end(1)
    log.end(0)
    reader = log.reader()
    _read_all(reader)
    assert (reader.ended, reader.rows_total) == (True, 1)


def test_a_full_disk_keeps_the_whole_frames_and_takes_more_later(tmp_path: Path) -> None:
    log = SpoolLog.create(SCHEMA, tmp_path / "log")
    batches = [_batch("x" * 100, sequence) for sequence in range(1, 11)]
    log.append(batches[:1])
    frame_bytes = log.file_bytes - 16
    # Room for three more frames and half of another.
    with _largest_file(16 + 4 * frame_bytes + frame_bytes // 2):
        appended = log.append(batches[1:])
    assert appended.refused is not None
    assert appended.refused.code == "DISK_FULL"
    assert appended.last_sequence == 4
    assert (tmp_path / "log").stat().st_size == log.file_bytes == 16 + 4 * frame_bytes
    assert log.append(batches[4:]).last_sequence == 10
    assert SpoolLog.open(SCHEMA, tmp_path / "log").rows == 10


def test_a_reader_follows_a_log_that_grows_in_another_thread(tmp_path: Path) -> None:
    log = SpoolLog.create(SCHEMA, tmp_path / "log")
    reader = log.reader()
    count = 2000

    def grow() -> None:
        for sequence in range(1, count + 1):
            log.append([_batch(str(sequence), sequence)])
        log.end(count)

    thread = threading.Thread(target=grow)
    thread.start()
    while not reader.ended:
        reader.read(4096)
    thread.join()
    assert reader.rows_total == count


def test_a_closed_log_refuses_and_its_reader_goes_on(tmp_path: Path) -> None:
    log = SpoolLog.create(SCHEMA, tmp_path / "log")
    log.append([_batch("a")])
    reader = log.reader()
    log.close()
    log.close()
    with pytest.raises(CoreError, match="closed"):
        log.append([_batch("b")])
    with pytest.raises(CoreError, match="closed"):
        _ = log.rows
    assert _read_all(reader)
    reader.close()
    with pytest.raises(CoreError, match="closed"):
        reader.read(1)


def test_closing_waits_for_no_call_which_lets_go_at_its_end() -> None:
    log = SpoolLog.create(SCHEMA, None)
    batches = [_batch("x" * 100, sequence) for sequence in range(1, 50_001)]

    def append() -> None:
        with suppress(CoreError):  # when it begins behind the closing
            log.append(batches)

    thread = threading.Thread(target=append)
    thread.start()
    log.close()
    thread.join()
    with pytest.raises(CoreError, match="closed"):
        _ = log.rows


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    SpoolLog.create(SCHEMA, tmp_path / "log").close()
    with pytest.raises(CoreError) as raised:
        SpoolLog.create(SCHEMA, tmp_path / "log")
    assert raised.value.code == "WRITE_FAILED"
