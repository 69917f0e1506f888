"""Requests that bring a part of the rows each: what is kept, and what they are answered with."""

from collections.abc import Callable

import pytest
import trio

from rowferry.domain.access import Caller
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import ValidationError
from rowferry.domain.task import TaskState
from rowferry.domain.view import TaskView
from tests.unit.export.in_memory import CLIENT, EventNotes, Site
from tests.unit.ingest.memory_stream import MemoryStream

MakeSite = Callable[..., Site]
ROW = ("1", "a")


def _recognise() -> Caller:
    return Caller(client=CLIENT)


async def _serve(site: Site, stream: MemoryStream, wait_seconds: int | None = None) -> TaskView:
    """Serve a stream whose client has sent everything; give what it is answered with."""
    answers: list[TaskView] = []

    async def answer(view: TaskView) -> None:
        await trio.lowlevel.checkpoint()
        answers.append(view)

    await site.exports.row_calls.serve(
        CLIENT,
        stream.as_call(),
        answer,
        recognise=_recognise,
        with_acks=False,
        wait_seconds=wait_seconds,
    )
    (view,) = answers
    return view


def _body(*rows: tuple[str, str], task_id: str = "", sequence: int = 0) -> MemoryStream:
    stream = MemoryStream()
    if task_id:
        stream.put_resume(task_id)
    else:
        stream.put_metadata()
    stream.put_rows(*rows, sequence=sequence)
    return stream


async def test_body_is_answered_at_once_with_what_is_kept(site: Site) -> None:
    stream = _body(ROW, ROW, sequence=1)
    stream.end_body()
    view = await _serve(site, stream)
    assert (view.next_sequence, view.task.rows_received, view.task.rows_ended) == (2, 2, False)


async def test_rows_come_in_several_bodies_and_end_with_one(site: Site) -> None:
    first = _body(ROW, sequence=1)
    first.end_body()
    task_id = (await _serve(site, first)).task.id
    last = _body(ROW, task_id=task_id, sequence=2)
    last.finish(2)
    async with site.running():
        view = await _serve(site, last, wait_seconds=0)
    assert (view.task.state, view.task.rows_written) == (TaskState.COMPLETED, 2)


async def test_body_sent_again_is_dropped_and_answered_alike(site: Site) -> None:
    first = _body(ROW, sequence=1)
    first.end_body()
    view = await _serve(site, first)
    again = _body(ROW, task_id=view.task.id, sequence=1)
    again.end_body()
    assert (await _serve(site, again)).next_sequence == view.next_sequence


async def test_body_for_a_task_whose_rows_have_ended_waits_for_nothing(site: Site) -> None:
    first = _body(ROW)
    first.half_close()
    task = (await _serve(site, first, wait_seconds=-1)).task
    again = _body(ROW, task_id=task.id)
    again.end_body()
    view = await _serve(site, again)
    assert (view.task.state, view.next_sequence) == (TaskState.QUEUED, 0)


async def test_wish_of_the_door_goes_before_that_of_the_request(site: Site) -> None:
    stream = _body(ROW)
    stream.half_close()
    assert (await _serve(site, stream, wait_seconds=-1)).task.state is TaskState.QUEUED


async def test_body_that_is_refused_is_reported_with_its_task(
    site: Site, events: EventNotes
) -> None:
    stream = MemoryStream()
    stream.put_metadata()
    stream.put_rows(ROW, sequence=2)
    stream.end_body()
    with pytest.raises(RowferryError) as caught:
        await _serve(site, stream)
    assert caught.value.code is ErrorCode.SEQUENCE_GAP
    (report,) = events.of(ValidationError)
    (live,) = site.live_tasks
    assert (report.error_code, report.task_id) == ("SEQUENCE_GAP", live.task.id)


async def test_end_of_a_body_is_no_first_message(site: Site) -> None:
    stream = MemoryStream()
    stream.end_body()
    with pytest.raises(RowferryError) as caught:
        await _serve(site, stream)
    assert caught.value.context["got"] == "nothing"
