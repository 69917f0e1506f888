"""Messages of the contract and values of the domain say the same."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.batch import Ack
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Column, DataType, ExportSpec, Format, FormatOptions, Sheet
from rowferry.domain.task import FidelityIssue, Stage, Task, TaskState
from rowferry.domain.view import TaskView
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.messages import (
    ack_message,
    created_message,
    query_from_request,
    result_message,
    spec_from_metadata,
    status_message,
)

START = datetime(2025, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
TASK = Task(
    id="0" * 32,
    client="shop",
    request_id="request 1",
    request_hash="h",
    format=Format.EXCEL,
    filename="orders",
    created_at=START,
)


def _metadata(**fields: object) -> pb.ExportMetadata:
    columns = [pb.ColumnDefinition(name="id")]
    defaults: dict[str, object] = {"request_id": "r", "format": pb.CSV, "filename": "f"}
    return pb.ExportMetadata(**(defaults | {"columns": columns} | fields))  # type: ignore[arg-type]


def _refused_field(metadata: pb.ExportMetadata) -> str:
    with pytest.raises(RowferryError) as caught:
        spec_from_metadata(metadata)
    assert caught.value.code is ErrorCode.INVALID_METADATA
    return caught.value.context["field"]


OPTIONS: Final[dict[str, Any]] = {
    "csv_delimiter": ";",
    "csv_encoding": "gb18030",
    "excel_start_row": 3,
    "compression_enabled": True,
    "preset": "excel",
    "csv_null": "NULL",
    "injection_guard": "tab",
    "on_bad_value": "null",
    "on_unmappable": "fail",
    "on_control_character": "strip",
    "row_overflow": "fail",
    "timezone": "Europe/Berlin",
    "csv_rows_empty": "empty",
}


def test_everything_a_client_asks_for_is_in_the_spec() -> None:
    spec = spec_from_metadata(
        pb.ExportMetadata(
            request_id="r",
            format=pb.EXCEL,
            filename="orders",
            columns=[
                pb.ColumnDefinition(
                    name="When", data_type=pb.DATE, width=12, format="yyyy", key="at"
                )
            ],
            options=pb.FormatOptions(excel_sheet_name="Orders", **OPTIONS),
            expected_rows=7,
            ack_every=10,
            priority=200,
            tags={"team": "sales"},
            wait_seconds=-1,
            owner="ada",
        )
    )
    column = Column(name="When", data_type=DataType.DATE, width=12, format="yyyy", key="at")
    assert spec == ExportSpec(
        request_id="r",
        format=Format.EXCEL,
        filename="orders",
        sheets=(Sheet(name="Orders", columns=(column,)),),
        options=FormatOptions(**OPTIONS),
        expected_rows=7,
        ack_every=10,
        priority=200,
        tags={"team": "sales"},
        wait_seconds=-1,
        owner="ada",
    )


def test_what_a_client_leaves_out_has_its_default() -> None:
    spec = spec_from_metadata(_metadata())
    assert (spec.ack_every, spec.priority, spec.wait_seconds) == (1, 100, 0)
    assert (spec.sheets[0].name, spec.columns[0].data_type) == ("Sheet1", DataType.STRING)


@pytest.mark.parametrize("name", pb.DataType.keys())
def test_every_data_type_of_the_contract_is_known(name: str) -> None:
    column = pb.ColumnDefinition(name="c", data_type=name)
    assert spec_from_metadata(_metadata(columns=[column])).columns[0].data_type == name


def test_unknown_data_type_is_refused_with_its_column() -> None:
    columns = [pb.ColumnDefinition(name="a"), pb.ColumnDefinition(name="b")]
    columns[1].data_type = 9  # type: ignore[assignment]  # as a newer client would
    assert _refused_field(_metadata(columns=columns)) == "columns[1].data_type"


@pytest.mark.parametrize("value", [pb.FORMAT_UNSPECIFIED, pb.PARQUET, pb.JSON_LINES, 77])
def test_format_that_is_missing_or_unknown_is_refused(value: int) -> None:
    metadata = _metadata()
    metadata.format = value  # type: ignore[assignment]
    assert _refused_field(metadata) == "format"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sheets", [pb.SheetDefinition(name="a")]),
        ("callback", "billing"),
    ],
)
def test_field_that_nothing_serves_is_refused_by_name(field: str, value: object) -> None:
    assert _refused_field(_metadata(**{field: value})) == field


def test_created_message_says_where_rows_go_on() -> None:
    message = created_message(TASK, next_sequence=4, max_message_bytes=99).task_created
    assert message == pb.TaskCreated(
        task_id=TASK.id, status=pb.QUEUED, next_sequence=4, max_message_bytes=99
    )


def test_ack_message_carries_the_totals() -> None:
    ack = Ack(batch_sequence=5, rows=50, payload_bytes=500)
    assert ack_message(ack).ack == pb.BatchAck(batch_sequence=5, rows=50, bytes=500)


def _completed(**changes: object) -> Task:
    fields: dict[str, object] = {
        "state": TaskState.COMPLETED,
        "attempt": 2,
        "rows_received": 10,
        "rows_written": 10,
        "rows_ended": True,
        "file_bytes": 1234,
        "sha256": "ab",
        "fidelity": (FidelityIssue(kind="escaped", cells=3, first_row=2, first_column=1),),
        "started_at": START,
        "finished_at": START + timedelta(seconds=1),
        "link_expires_at": START + timedelta(days=7),
    }
    base = {name: getattr(TASK, name) for name in Task.__dataclass_fields__}
    return Task(**(base | fields | changes))


def test_result_describes_the_file() -> None:
    result = result_message(TaskView(task=_completed(), link="https://files.example/d/x"))
    assert (result.status, result.progress_percent) == (pb.COMPLETED, 100.0)
    assert (result.oss_url, result.file_size_bytes) == ("https://files.example/d/x", 1234)
    assert (result.record_count, result.rows_received, result.checksum_sha256) == (10, 10, "ab")
    assert result.link_expires.ToDatetime(UTC) == START + timedelta(days=7)
    (issue,) = result.fidelity
    assert (issue.kind, issue.cells, issue.first_row, issue.first_column) == ("escaped", 3, 2, 1)


def test_result_of_a_failure_has_its_code_and_context() -> None:
    failed = _completed(
        state=TaskState.FAILED,
        error_code="INVALID_ROW",
        error_message="Too wide.",
        error_context={"row": "7"},
        link_expires_at=None,
    )
    result = result_message(TaskView(task=failed))
    assert (result.status, result.error_code, result.oss_url) == (pb.FAILED, "INVALID_ROW", "")
    assert dict(result.error_context) == {"row": "7"}
    assert not result.HasField("link_expires")


def test_status_adds_what_only_the_running_service_knows() -> None:
    task = _completed(state=TaskState.PROCESSING, stage=Stage.WRITING, rows_written=4, owner="ada")
    view = TaskView(task=task, rows_per_second=2.5, remaining_seconds=9, next_sequence=3)
    status = status_message(view)
    assert (status.status, status.stage, status.format) == (
        pb.PROCESSING,
        pb.WRITING,
        pb.EXCEL,
    )
    assert (status.records_processed, status.progress_percent) == (4, 40.0)
    assert (status.rows_per_second, status.estimated_time_remaining) == (2.5, 9)
    assert (status.next_sequence, status.owner, status.client) == (3, "ada", "shop")
    assert status.created_time.ToDatetime(UTC) == START


def test_stage_is_unset_where_there_is_none() -> None:
    assert status_message(TaskView(task=TASK)).stage == pb.STAGE_UNSPECIFIED


@pytest.mark.parametrize("state", TaskState)
def test_every_state_has_its_word(state: TaskState) -> None:
    task = _completed(state=state)
    for message in (status_message(TaskView(task=task)), result_message(TaskView(task=task))):
        assert pb.TaskState.Name(message.status) == state


def test_list_request_becomes_a_query() -> None:
    request = pb.ListTasksRequest(
        states=[pb.FAILED, pb.QUEUED],
        formats=[pb.CSV],
        filename_contains="ord",
        owner="ada",
        page_size=7,
        page_token="t",  # noqa: S106  no password
    )
    request.created_after.FromDatetime(START)
    query = query_from_request(request)
    assert query.states == {TaskState.FAILED, TaskState.QUEUED}
    assert query.formats == {Format.CSV}
    assert (query.filename_contains, query.owner) == ("ord", "ada")
    assert (query.page_size, query.page_token) == (7, "t")
    assert (query.created_after, query.created_before) == (START, None)


def _list_refusal(request: pb.ListTasksRequest) -> str:
    with pytest.raises(RowferryError) as caught:
        query_from_request(request)
    assert caught.value.code is ErrorCode.INVALID_METADATA
    return caught.value.context["field"]


@pytest.mark.parametrize("value", [pb.TASK_STATE_UNSPECIFIED, 99])
def test_unknown_state_to_list_is_refused(value: int) -> None:
    request = pb.ListTasksRequest()
    request.states.append(value)  # type: ignore[arg-type]
    assert _list_refusal(request) == "states"


def test_unknown_format_to_list_is_refused() -> None:
    assert _list_refusal(pb.ListTasksRequest(formats=[pb.PARQUET])) == "format"


@pytest.mark.parametrize("field", ["created_after", "created_before"])
@pytest.mark.parametrize("seconds", [2**62, -(2**62)])
def test_time_no_calendar_has_is_refused(field: str, seconds: int) -> None:
    request = pb.ListTasksRequest(**{field: Timestamp(seconds=seconds)})  # type: ignore[arg-type]
    assert _list_refusal(request) == field


@given(seconds=st.integers(-(2**63), 2**63 - 1), nanos=st.integers(-(2**31), 2**31 - 1))
def test_any_timestamp_is_a_time_or_refused(seconds: int, nanos: int) -> None:
    request = pb.ListTasksRequest(created_after=Timestamp(seconds=seconds, nanos=nanos))
    try:
        query = query_from_request(request)
    except RowferryError as error:
        assert error.context["field"] == "created_after"  # noqa: PT017
    else:
        assert query.created_after is not None


ANY_INT32 = st.integers(-(2**31), 2**31 - 1)


@given(
    name=st.text(max_size=300),
    values=st.fixed_dictionaries(
        {
            "expected_rows": st.integers(-(2**63), 2**63 - 1),
            "ack_every": ANY_INT32,
            "priority": ANY_INT32,
            "wait_seconds": ANY_INT32,
            "tags": st.dictionaries(st.text(), st.text(), max_size=7),
        }
    ),
    enums=st.tuples(ANY_INT32, ANY_INT32),
)
def test_any_metadata_is_a_spec_or_refused_with_a_field(
    name: str, values: dict[str, object], enums: tuple[int, int]
) -> None:
    metadata = _metadata(request_id=name, filename=name, **values)
    metadata.format, metadata.columns[0].data_type = enums  # type: ignore[assignment]
    try:
        spec_from_metadata(metadata).check()
    except RowferryError as error:
        assert error.code is ErrorCode.INVALID_METADATA  # noqa: PT017
        assert error.context["field"]  # noqa: PT017
