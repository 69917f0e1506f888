"""What every RowSpool does."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Column, ExportSpec, Format, Sheet
from rowferry.ports import BatchMessage, RowSource, RowSpool, SpoolLog
from rowferry.spool.disk import DiskSpool
from rowferry.spool.memory import MemorySpool
from rowferry.spool.room import SpoolLimits
from tests.record_batches import Row, encode_rows

SPEC = ExportSpec(
    request_id="r",
    format=Format.CSV,
    filename="orders",
    sheets=(Sheet(name="Sheet1", columns=(Column(name="id"), Column(name="name"))),),
)
TASK = make_task_id(1, b"0123456789")
OTHER_TASK = make_task_id(2, b"0123456789")
NO_LIMITS = SpoolLimits()
SpoolMaker = Callable[[Path, SpoolLimits], RowSpool]
ADAPTERS: dict[str, SpoolMaker] = {
    "memory": lambda _, limits: MemorySpool(limits),
    "disk": DiskSpool,
}


@pytest.fixture(params=ADAPTERS)
def make_spool(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., RowSpool]:
    """Make a spool with limits: ``make_spool(max_bytes=1000)``."""
    adapter = ADAPTERS[request.param]
    return lambda **limits: adapter(tmp_path / "spool", SpoolLimits(**limits))


@pytest.fixture
def spool(make_spool: Callable[..., RowSpool]) -> RowSpool:
    return make_spool()


MakeSpool = Callable[..., RowSpool]
LIMIT = 4096


def _batch(sequence: int, *names: str) -> BatchMessage:
    return encode_rows([(str(sequence), name) for name in names], sequence), 0


def _rows(*rows: Row, sequence: int = 0) -> BatchMessage:
    return encode_rows(rows, sequence), 0


def _read_all(source: RowSource, max_bytes: int = 1 << 20) -> bytes:
    return b"".join(iter(lambda: source.read(max_bytes), b""))


def _refusal(log: SpoolLog, messages: Sequence[BatchMessage]) -> RowferryError:
    refused = log.append(messages).refused
    assert refused is not None
    return refused


def test_new_log_is_empty_and_waits_for_the_first_batch(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    assert (log.next_sequence, log.rows, log.payload_bytes, log.ended) == (1, 0, 0, False)


def test_append_answers_with_the_totals_of_the_log(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    done = log.append([_batch(2, "b", "c"), _batch(3, "d")])
    assert (done.last_sequence, done.rows, done.batches_appended) == (3, 4, 2)
    assert (done.duplicates, done.refused) == (0, None)
    assert (log.next_sequence, log.rows, log.payload_bytes) == (4, 4, done.payload_bytes)


def test_batches_without_a_number_are_numbered_here(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    assert log.append([_rows(("1", "a")), _rows(("2", "b"))]).last_sequence == 2


@pytest.mark.parametrize(("first", "second"), [(0, 2), (1, 0)])
def test_numbered_and_unnumbered_batches_do_not_mix(
    spool: RowSpool, first: int, second: int
) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_rows(("1", "a"), sequence=first)])
    assert _refusal(log, [_rows(("2", "b"), sequence=second)]).code is ErrorCode.INVALID_METADATA


def test_negative_sequence_is_refused(spool: RowSpool) -> None:
    refused = _refusal(spool.create(TASK, SPEC), [_rows(("1", "a"), sequence=-1)])
    assert refused.code is ErrorCode.INVALID_METADATA


def test_batch_begins_at_its_offset_in_the_buffer(spool: RowSpool) -> None:
    log, other = spool.create(TASK, SPEC), spool.create(OTHER_TASK, SPEC)
    message, _ = _batch(1, "a")
    log.append([(b"head" + message, 4)])
    other.append([(message, 0)])
    assert _read_all(log.reader()) == _read_all(other.reader())


def test_equal_batch_again_is_a_duplicate_and_changes_nothing(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a"), _batch(2, "b")])
    before = _read_all(log.reader())
    done = log.append([_batch(1, "a"), _batch(2, "b"), _batch(3, "c")])
    assert (done.duplicates, done.batches_appended, done.last_sequence) == (2, 1, 3)
    assert _read_all(log.reader()).startswith(before)


def test_another_batch_under_a_used_number_is_a_conflict(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    refused = _refusal(log, [_batch(1, "b")])
    assert refused.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert log.rows == 1


def test_gap_is_refused_with_the_expected_number(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    refused = _refusal(log, [_batch(3, "c")])
    assert refused.code is ErrorCode.SEQUENCE_GAP
    assert (refused.context["expected"], refused.context["got"]) == ("2", "3")


def test_refusal_keeps_the_batches_before_it_and_nothing_behind(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    done = log.append([_batch(1, "a"), _rows(("only one",), sequence=2), _batch(3, "c")])
    assert done.refused is not None
    assert done.refused.code is ErrorCode.INVALID_ROW
    assert (done.last_sequence, done.rows, done.batches_appended) == (1, 1, 1)
    assert log.next_sequence == 2


def test_wrong_width_tells_the_row_and_both_widths(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a", "b")])
    refused = _refusal(log, [_rows(("3", "c"), ("4", "d", "e"), sequence=2)])
    assert (refused.context["row"], refused.context["expected"]) == ("4", "2 values")
    assert refused.context["got"] == "3 values"


def test_empty_batch_takes_its_number(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    assert log.append([_rows(sequence=1)]).last_sequence == 1
    assert (log.next_sequence, log.rows) == (2, 0)


def test_rows_are_refused_behind_the_end(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.end(0)
    assert _refusal(log, [_batch(1, "a")]).code is ErrorCode.INVALID_STATE


def test_end_with_another_number_of_rows_is_refused_and_the_log_goes_on(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    with pytest.raises(RowferryError) as caught:
        log.end(2)
    assert caught.value.code is ErrorCode.ROW_COUNT_MISMATCH
    assert not log.ended
    log.append([_batch(2, "b")])
    log.end(2)
    assert log.ended


def test_source_follows_the_log_to_its_end(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    source = log.reader()
    assert source.read(1 << 20) == b""
    log.append([_batch(1, "a", "b")])
    assert source.read(1 << 20)
    assert (source.rows, source.ended) == (2, False)
    log.append([_batch(2, "c")])
    log.end(3)
    _read_all(source)
    assert (source.rows, source.ended) == (3, True)


def test_every_source_starts_at_the_first_row(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a"), _batch(2, "b")])
    log.end(0)
    assert _read_all(log.reader()) == _read_all(log.reader())


def test_source_gives_a_frame_that_is_larger_than_asked_for(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "x" * 5000)])
    assert len(log.reader().read(64)) > 5000


def test_source_tells_of_an_empty_log_that_it_ended(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.end(0)
    source = log.reader()
    assert source.read(1 << 20) == b""
    assert source.ended


def test_log_is_found_again_after_it_was_closed(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a"), _batch(2, "b")])
    rows = _read_all(log.reader())
    log.close()
    found = spool.open(TASK, SPEC)
    assert found is not None
    assert (found.next_sequence, found.rows, found.ended) == (3, 2, False)
    assert _read_all(found.reader()) == rows
    assert found.append([_batch(2, "b"), _batch(3, "c")]).duplicates == 1


def test_end_is_found_again(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    log.end(1)
    log.close()
    found = spool.open(TASK, SPEC)
    assert found is not None
    assert found.ended


def test_there_is_no_log_of_an_unknown_task(spool: RowSpool) -> None:
    assert spool.open(TASK, SPEC) is None


def test_deleted_log_is_gone(spool: RowSpool) -> None:
    spool.create(TASK, SPEC).close()
    spool.create(OTHER_TASK, SPEC)
    spool.delete(TASK)
    assert spool.open(TASK, SPEC) is None
    assert list(spool.task_ids()) == [OTHER_TASK]


def test_deleting_what_is_not_there_does_nothing(spool: RowSpool) -> None:
    spool.delete(TASK)
    assert list(spool.task_ids()) == []


def test_log_holds_rows_once_something_is_appended(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    assert not spool.holds_rows(TASK)
    log.append([_batch(1, "a")])
    assert spool.holds_rows(TASK)
    assert not spool.holds_rows(OTHER_TASK)


def test_log_is_closed_twice_without_complaint(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.close()
    log.close()


def test_sources_open_and_read_while_another_thread_appends(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    batches = [_batch(number, *["name"] * 5000) for number in range(1, 21)]
    appender = threading.Thread(target=lambda: [log.append([batch]) for batch in batches])
    appender.start()
    while appender.is_alive():
        sources = [log.reader() for _ in range(100)]
        _read_all(sources[0])
        assert log.rows % 5000 == 0
        assert sources[0].rows % 5000 == 0
    appender.join()
    source = log.reader()
    _read_all(source)
    assert source.rows == log.rows == 100_000


# What is promised beyond a crash of the process.


def test_nothing_is_to_be_synced_where_it_is_not_promised(spool: RowSpool) -> None:
    log = spool.create(TASK, SPEC)
    log.append([_batch(1, "a")])
    assert not log.unsynced
    log.sync()


def test_sync_is_due_behind_every_append_and_the_end(make_spool: MakeSpool) -> None:
    log = make_spool(fsync=True).create(TASK, SPEC)
    log.sync()
    for grow in (lambda: log.append([_batch(1, "a")]), lambda: log.end(1)):
        assert not log.unsynced
        grow()
        assert log.unsynced
        log.sync()
    assert not log.unsynced


def test_duplicates_need_no_sync(make_spool: MakeSpool) -> None:
    log = make_spool(fsync=True).create(TASK, SPEC)
    log.append([_batch(1, "a")])
    log.sync()
    log.append([_batch(1, "a")])
    assert not log.unsynced


# Limits.


def test_log_takes_what_one_task_may_have_and_no_more(make_spool: MakeSpool) -> None:
    log = make_spool(max_bytes_per_task=LIMIT).create(TASK, SPEC)
    log.append([_batch(1, "a")])
    done = log.append([_batch(2, "b"), _batch(3, "x" * LIMIT)])
    assert done.refused is not None
    assert done.refused.code is ErrorCode.TOO_LARGE
    assert done.refused.context == {"limit": str(LIMIT)}
    assert (done.log_full, done.last_sequence, done.rows) == (True, 2, 2)
    log.end(2)
    assert log.ended


def test_other_refusals_do_not_say_that_the_log_is_full(spool: RowSpool) -> None:
    assert not spool.create(TASK, SPEC).append([_batch(2, "a")]).log_full


def test_batch_that_all_logs_have_no_room_for_is_refused_for_now(make_spool: MakeSpool) -> None:
    spool = make_spool(max_bytes=LIMIT)
    other, log = spool.create(OTHER_TASK, SPEC), spool.create(TASK, SPEC)
    other.append([_batch(1, "x" * (LIMIT // 2))])
    log.append([_batch(1, "a")])
    done = log.append([_batch(2, "x" * (LIMIT // 2))])
    assert done.refused is not None
    assert done.refused.code is ErrorCode.DISK_FULL
    assert done.refused.context == {"max_bytes": str(LIMIT)}
    assert (done.log_full, done.last_sequence, done.rows, log.next_sequence) == (False, 1, 1, 2)
    spool.delete(OTHER_TASK)
    assert log.append([_batch(2, "x" * (LIMIT // 2))]).last_sequence == 2


def test_full_spool_takes_the_end_of_rows_and_no_new_log(make_spool: MakeSpool) -> None:
    log = (spool := make_spool(max_bytes=LIMIT)).create(TASK, SPEC)
    while log.append([_batch(log.next_sequence, "x")]).refused is None:
        pass
    log.end(0)
    assert log.ended
    with pytest.raises(RowferryError) as caught:
        spool.create(OTHER_TASK, SPEC)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert list(spool.task_ids()) == [TASK]


@given(
    batches=st.lists(
        st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=3), max_size=8
    ),
    group_sizes=st.lists(st.integers(1, 4), max_size=8),
    max_bytes=st.integers(1, 400),
)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_grouping_of_appends_and_reads_changes_no_byte(
    adapter: str,
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[tuple[str, str]]],
    group_sizes: list[int],
    max_bytes: int,
) -> None:
    spool = ADAPTERS[adapter](tmp_path_factory.mktemp("spool"), NO_LIMITS)
    messages = [_rows(*rows, sequence=number) for number, rows in enumerate(batches, 1)]
    whole, grouped = spool.create(TASK, SPEC), spool.create(OTHER_TASK, SPEC)
    whole.append(messages)
    remaining = messages
    for size in [*group_sizes, len(messages)]:
        grouped.append(remaining[:size])
        remaining = remaining[size:]
    assert _read_all(whole.reader()) == _read_all(grouped.reader(), max_bytes)
    assert grouped.rows == sum(map(len, batches))
