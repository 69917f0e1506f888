import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Format
from rowferry.domain.task import (
    RUNNING,
    TRANSITIONS,
    UNFINISHED,
    Stage,
    Task,
    TaskState,
    check_transition,
    state_error,
    task_not_found,
)
from rowferry.domain.view import TaskView

S = TaskState
TASK = Task(
    id="0" * 32,
    client="shop",
    request_id="request",
    request_hash="",
    format=Format.CSV,
    filename="orders",
    created_at=datetime(2025, 1, 2, tzinfo=UTC),
)
FINAL = {S.COMPLETED, S.FAILED, S.CANCELLED, S.EXPIRED}
ALLOWED = {
    (S.SCHEDULED, S.QUEUED),
    (S.SCHEDULED, S.FAILED),
    (S.SCHEDULED, S.CANCELLED),
    (S.QUEUED, S.PROCESSING),
    (S.QUEUED, S.QUEUED),
    (S.QUEUED, S.FAILED),
    (S.QUEUED, S.CANCELLED),
    (S.PROCESSING, S.PROCESSING),
    (S.PROCESSING, S.UPLOADING),
    (S.PROCESSING, S.QUEUED),
    (S.PROCESSING, S.FAILED),
    (S.PROCESSING, S.CANCELLED),
    (S.UPLOADING, S.UPLOADING),
    (S.UPLOADING, S.COMPLETED),
    (S.UPLOADING, S.QUEUED),
    (S.UPLOADING, S.FAILED),
    (S.UPLOADING, S.CANCELLED),
    (S.COMPLETED, S.EXPIRED),
    (S.FAILED, S.FAILED),
    (S.FAILED, S.QUEUED),
    (S.FAILED, S.SCHEDULED),
    (S.FAILED, S.CANCELLED),
    (S.FAILED, S.EXPIRED),
    (S.CANCELLED, S.CANCELLED),
    (S.CANCELLED, S.EXPIRED),
    (S.EXPIRED, S.EXPIRED),
}


@pytest.mark.parametrize(("state", "to"), [*itertools.product(S, repeat=2)])
def test_task_goes_only_where_it_may(state: TaskState, to: TaskState) -> None:
    task = replace(TASK, state=state)
    if (state, to) in ALLOWED:
        check_transition(task, to)
        return
    with pytest.raises(RowferryError) as caught:
        check_transition(task, to)
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert caught.value.context == {"task_id": TASK.id, "state": state, "wanted": to}


def test_table_judges_every_state_and_knows_no_other() -> None:
    assert set(TRANSITIONS) == set(S)
    assert set().union(*TRANSITIONS.values()) <= set(S)


def test_every_state_can_be_reached_from_a_new_task() -> None:
    reached = {S.SCHEDULED}
    while True:
        further = reached.union(*(TRANSITIONS[state] for state in reached))
        if further == reached:
            break
        reached = further
    assert reached == set(S)


def test_every_unfinished_task_can_end_and_be_cancelled() -> None:
    for state in UNFINISHED:
        assert S.CANCELLED in TRANSITIONS[state]


def test_states_are_unfinished_or_final() -> None:
    assert set(S) == UNFINISHED | FINAL
    assert not UNFINISHED & FINAL
    assert RUNNING < UNFINISHED
    assert {state for state in S if replace(TASK, state=state).is_final} == FINAL


def test_new_task_waits_in_line() -> None:
    assert (TASK.state, TASK.stage, TASK.version) == (S.QUEUED, Stage.NONE, 1)


def test_progress_is_unknown_without_a_number_of_rows() -> None:
    task = replace(TASK, state=S.PROCESSING, rows_received=500, rows_written=400)
    assert task.progress_percent() == 0


def test_progress_follows_the_number_the_client_expects() -> None:
    task = replace(TASK, state=S.PROCESSING, expected_rows=1000, rows_written=250)
    assert task.progress_percent() == 25


def test_rows_that_came_count_more_than_what_was_expected() -> None:
    task = replace(
        TASK, state=S.PROCESSING, expected_rows=1000,
        rows_received=500, rows_ended=True, rows_written=250,
    )  # fmt: skip
    assert task.progress_percent() == 50


def test_export_without_rows_is_done_only_when_completed() -> None:
    task = replace(TASK, state=S.PROCESSING, rows_ended=True)
    assert task.progress_percent() == 0
    assert replace(task, state=S.COMPLETED).progress_percent() == 100


@given(
    state=st.sampled_from(S),
    rows_ended=st.booleans(),
    expected_rows=st.integers(0, 2**63 - 1),
    rows_received=st.integers(0, 2**63 - 1),
    rows_written=st.integers(0, 2**63 - 1),
)
def test_progress_is_100_for_finished_files_only(
    state: TaskState,
    *,
    rows_ended: bool,
    expected_rows: int,
    rows_received: int,
    rows_written: int,
) -> None:
    percent = replace(
        TASK,
        state=state,
        rows_ended=rows_ended,
        expected_rows=expected_rows,
        rows_received=rows_received,
        rows_written=rows_written,
    ).progress_percent()
    if state in {S.COMPLETED, S.EXPIRED}:
        assert percent == 100
    else:
        assert 0 <= percent <= 99


def test_refusal_names_the_state() -> None:
    error = state_error(replace(TASK, state=S.CANCELLED), "The task was cancelled.")
    assert error.code is ErrorCode.INVALID_STATE
    assert error.context == {"task_id": TASK.id, "state": "CANCELLED"}


def test_refusal_by_a_failed_task_names_its_error() -> None:
    failed = replace(TASK, state=S.FAILED, error_code="STREAM_LOST")
    assert state_error(failed, "The task failed.").context["error_code"] == "STREAM_LOST"


def test_unknown_task_is_not_found_and_its_id_not_repeated_at_length() -> None:
    error = task_not_found("x" * 1000)
    assert error.code is ErrorCode.NOT_FOUND
    assert error.context == {"task_id": "x" * 32}


def test_view_of_a_task_knows_nothing_by_itself() -> None:
    view = TaskView(task=TASK)
    assert (view.rows_per_second, view.remaining_seconds) == (0, -1)
    assert (view.next_sequence, view.link) == (0, "")
