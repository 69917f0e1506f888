from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from rowferry.domain.spec import Format
from rowferry.domain.task import FidelityIssue, Stage, Task, TaskState
from rowferry.domain.view import TaskView
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import encode_json
from rowferry.wire.task_json import task_document

TASK = Task(
    id="0190a0b0c0d07000800000000000000f",
    client="default",
    request_id="r-1",
    request_hash="",
    format=Format.EXCEL,
    filename="\u62a5\u8868.xlsx",
    created_at=datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC),
    state=TaskState.PROCESSING,
    rows_received=2**53 + 1,
    fidelity=(FidelityIssue(kind="escaped", cells=3, first_row=1, first_column=0),),
    error_context={"row": "7"},
)


@pytest.mark.parametrize(
    ("message", "document"),
    [
        (pb.TaskStatus.DESCRIPTOR, task_document(TaskView(task=TASK))),
        (
            pb.FidelityIssue.DESCRIPTOR,
            task_document(TaskView(task=TASK))["fidelity"][0],
        ),
    ],
)
def test_document_has_the_fields_of_the_contracts_message(
    message: object, document: dict[str, object]
) -> None:
    assert set(document) == {f.name for f in message.fields}  # type: ignore[attr-defined]


def test_words_are_the_contracts_enum_names() -> None:
    document = task_document(TaskView(task=TASK))
    assert document["status"] in list(pb.TaskState.keys())
    assert document["format"] in list(pb.Format.keys())
    assert document["stage"] == "STAGE_UNSPECIFIED"


@pytest.mark.parametrize("stage", sorted(set(Stage) - {Stage.NONE}))
def test_stages_are_the_contracts_enum_names(stage: Stage) -> None:
    task = replace(TASK, stage=stage)
    assert task_document(TaskView(task=task))["stage"] in list(pb.Stage.keys())


def test_integers_are_numbers_times_are_rfc_3339_and_unknown_times_null() -> None:
    read = msgspec.json.decode(encode_json(task_document(TaskView(task=TASK))))
    assert read["rows_received"] == 2**53 + 1
    assert read["created_time"] == "2026-05-01T12:00:00.250000Z"
    assert read["start_time"] is None
    assert read["filename"] == "\u62a5\u8868.xlsx"
    assert read["error_context"] == {"row": "7"}
