from datetime import UTC, datetime, timedelta, timezone

import pytest

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Format
from rowferry.domain.task import TaskState
from rowferry.ports import TaskQuery
from rowferry.status.http_list_query import list_query


def test_no_filter_is_the_first_page_of_everything() -> None:
    assert list_query([]) == TaskQuery()


def test_every_filter_is_read() -> None:
    query = list_query(
        [
            ("states", "COMPLETED,FAILED"),
            ("states", "EXPIRED"),
            ("formats", "CSV"),
            ("filename_contains", "report, May"),
            ("owner", "ann"),
            ("created_after", "2026-01-31T10:00:00Z"),
            ("created_before", "2026-02-01T00:00:00.250+08:00"),
            ("page_size", "7"),
            ("page_token", "abc"),
        ]
    )
    assert query == TaskQuery(
        states=frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.EXPIRED}),
        formats=frozenset({Format.CSV}),
        filename_contains="report, May",
        owner="ann",
        created_after=datetime(2026, 1, 31, 10, tzinfo=UTC),
        created_before=datetime(2026, 2, 1, 0, 0, 0, 250_000, timezone(timedelta(hours=8))),
        page_size=7,
        page_token="abc",  # noqa: S106  no secret
    )


@pytest.mark.parametrize(
    ("short", "long"),
    [("state", "states"), ("format", "formats"), ("filename", "filename_contains")],
)
def test_short_names_are_the_same_filters(short: str, long: str) -> None:
    value = {"state": "QUEUED", "format": "EXCEL", "filename": "x"}[short]
    assert list_query([(short, value)]) == list_query([(long, value)]) != TaskQuery()


def test_page_size_0_is_the_default() -> None:
    assert list_query([("page_size", "0")]).page_size == 50


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("states", "completed"),
        ("formats", "PDF"),
        ("created_after", "yesterday"),
        ("created_after", "2026-01-31"),
        ("created_after", "2026-01-31T00:00:00"),
        ("page_size", "501"),
        ("page_size", "-1"),
        ("page_size", "1e2"),
        ("page_size", "\u0661"),
        ("page_size", "9" * 5000),
        ("page_size", ""),
        ("sort", "name"),
    ],
)
def test_filter_that_can_not_be_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(RowferryError) as refusal:
        list_query([(name, value)])
    assert refusal.value.code is ErrorCode.INVALID_METADATA
    assert refusal.value.context["field"] == name


def test_single_filter_given_twice_is_refused() -> None:
    with pytest.raises(RowferryError) as refusal:
        list_query([("owner", "ann"), ("owner", "bob")])
    assert refusal.value.context["field"] == "owner"
