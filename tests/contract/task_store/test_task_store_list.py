"""What every TaskStore shows in its lists."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Format
from rowferry.domain.task import Task, TaskState
from rowferry.ports import TaskQuery, TaskStore
from rowferry.taskstore.memory import MemoryTaskStore

NewTask = Callable[..., Task]
OpenStore = Callable[..., AbstractAsyncContextManager[TaskStore]]


async def _filled(store: TaskStore, tasks: list[Task]) -> list[Task]:
    """Create the tasks; give them newest first."""
    for task in tasks:
        await store.create(task, {})
    return sorted(tasks, key=lambda task: task.id, reverse=True)


async def _all_pages(store: TaskStore, query: TaskQuery) -> list[tuple[Task, ...]]:
    pages = []
    while True:
        page = await store.list("shop", query)
        pages.append(page.tasks)
        if not page.next_page_token:
            return pages
        query = replace(query, page_token=page.next_page_token)


async def test_empty_list_has_one_page(store: TaskStore) -> None:
    assert await _all_pages(store, TaskQuery()) == [()]


async def test_pages_hold_every_task_once_newest_first(
    store: TaskStore, new_task: NewTask
) -> None:
    newest_first = await _filled(store, [new_task() for _ in range(7)])
    pages = await _all_pages(store, TaskQuery(page_size=3))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [task for page in pages for task in page] == newest_first


async def test_full_last_page_has_no_token(store: TaskStore, new_task: NewTask) -> None:
    await _filled(store, [new_task() for _ in range(6)])
    assert [len(page) for page in await _all_pages(store, TaskQuery(page_size=3))] == [3, 3]


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (-5, 1), (1, 1), (500, 500), (9999, 500)])
async def test_page_size_is_held_to_its_bounds(
    store: TaskStore, new_task: NewTask, asked: int, given_: int
) -> None:
    await _filled(store, [new_task() for _ in range(given_ + 1)])
    assert len((await store.list("shop", TaskQuery(page_size=asked))).tasks) == given_


async def test_tasks_created_meanwhile_do_not_move_the_pages(
    store: TaskStore, new_task: NewTask
) -> None:
    newest_first = await _filled(store, [new_task() for _ in range(6)])
    query = TaskQuery(page_size=2)
    shown: list[Task] = []
    for _ in range(3):
        page = await store.list("shop", query)
        shown.extend(page.tasks)
        await store.create(new_task(), {})
        query = replace(query, page_token=page.next_page_token)
    assert shown == newest_first


async def test_page_size_can_change_from_page_to_page(store: TaskStore, new_task: NewTask) -> None:
    newest_first = await _filled(store, [new_task() for _ in range(4)])
    first = await store.list("shop", TaskQuery(page_size=1))
    rest = await store.list("shop", TaskQuery(page_size=9, page_token=first.next_page_token))
    assert (*first.tasks, *rest.tasks) == tuple(newest_first)


CREATED = "created_at of the third task"
FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"states": frozenset({TaskState.FAILED})}, [1]),
    ({"states": frozenset({TaskState.FAILED, TaskState.QUEUED})}, [4, 3, 2, 1, 0]),
    ({"states": frozenset({TaskState.EXPIRED})}, []),
    ({"formats": frozenset({Format.CSV})}, [2]),
    ({"formats": frozenset(Format)}, [4, 3, 2, 1, 0]),
    ({"owner": "zoe"}, [3]),
    ({"owner": "zo"}, []),
    ({"filename_contains": "ORDER"}, [4, 0]),
    ({"filename_contains": "straße"}, [2, 1]),
    ({"filename_contains": "STRASSE"}, [2, 1]),
    ({"filename_contains": "Δ"}, [3]),
    ({"filename_contains": "%"}, [4]),
    ({"filename_contains": "_"}, [0]),
    ({"filename_contains": "\\"}, []),
    ({"filename_contains": "/"}, []),
    ({"filename_contains": "'"}, [0]),
    ({"created_after": CREATED}, [4, 3, 2]),
    ({"created_before": CREATED}, [1, 0]),
    ({"formats": frozenset({Format.EXCEL}), "filename_contains": "order", "owner": ""}, [4, 0]),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=str)
async def test_filters_select(
    store: TaskStore, new_task: NewTask, filters: dict[str, Any], expected: list[int]
) -> None:
    tasks = [
        new_task(filename="my_Order's"),
        new_task(filename="Hauptstraße", state=TaskState.FAILED),
        new_task(filename="HAUPTSTRASSE", format=Format.CSV),
        new_task(filename="αβγδ", owner="zoe"),
        new_task(filename="100% of ORDERS"),
        new_task(filename="order", client="bank"),
    ]
    await _filled(store, tasks)
    filters = {k: tasks[2].created_at if v == CREATED else v for k, v in filters.items()}
    pages = await _all_pages(store, TaskQuery(page_size=1, **filters))
    shown = [task for page in pages for task in page]
    assert shown == [tasks[number] for number in expected]


@pytest.mark.parametrize("text", ["\0", "a\nb", "\u202e", "\ud800", "ä" * 128, "x" * 60_000])
async def test_search_for_what_no_name_can_hold_is_refused(store: TaskStore, text: str) -> None:
    with pytest.raises(RowferryError) as caught:
        await store.list("shop", TaskQuery(filename_contains=text))
    assert caught.value.code is ErrorCode.INVALID_METADATA
    assert caught.value.context["field"] == "filename_contains"
    assert len(caught.value.context["got"]) <= 40


# Letters whose other case is another length, another letter or another of two.
NAMES = st.text(alphabet="aAßſsS%_\\/'ıIİiΣσς订", min_size=1, max_size=4)  # noqa: RUF001


@pytest.mark.timeout(180)  # each of a hundred examples opens a store of its own
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, max_size=5), part=NAMES)
async def test_search_finds_names_whatever_their_case(
    open_store: OpenStore, new_task: NewTask, names: list[str], part: str
) -> None:
    client = new_task().id  # one that no earlier example used
    # not the fixture's store, which is closed with the first example
    async with open_store() as store:
        for name in names:
            await store.create(new_task(client=client, filename=name), {})
        page = await store.list(client, TaskQuery(filename_contains=part))
    found = [name for name in names if part.casefold() in name.casefold()]
    assert [task.filename for task in page.tasks] == found[::-1]


async def _assert_foreign(store: TaskStore, client: str, query: TaskQuery) -> None:
    with pytest.raises(RowferryError) as caught:
        await store.list(client, query)
    assert caught.value.code is ErrorCode.INVALID_METADATA
    assert caught.value.context["field"] == "page_token"


@pytest.mark.parametrize(
    "other",
    [
        {"states": frozenset({TaskState.QUEUED})},
        {"formats": frozenset({Format.EXCEL})},
        {"filename_contains": "orders"},
        {"owner": "zoe"},
        {"created_after": "time"},
        {"created_before": "time"},
    ],
    ids=str,
)
async def test_token_of_another_query_is_refused(
    store: TaskStore, new_task: NewTask, other: dict[str, Any]
) -> None:
    newest_first = await _filled(store, [new_task(), new_task()])
    page = await store.list("shop", TaskQuery(page_size=1))
    filters: dict[str, Any] = {
        k: newest_first[0].created_at + timedelta(days=1) if v == "time" else v
        for k, v in other.items()
    }
    query = TaskQuery(page_size=1, page_token=page.next_page_token, **filters)
    await _assert_foreign(store, "shop", query)


async def test_token_of_another_client_is_refused(store: TaskStore, new_task: NewTask) -> None:
    await _filled(store, [new_task(), new_task()])
    page = await store.list("shop", TaskQuery(page_size=1))
    await _assert_foreign(store, "bank", TaskQuery(page_token=page.next_page_token))


@pytest.mark.parametrize("token", ["x", "é", "0" * 32, "=" * 32, "A" * 31, "A" * 64, " ", "\0"])
async def test_garbage_is_no_token(store: TaskStore, token: str) -> None:
    await _assert_foreign(store, "shop", TaskQuery(page_token=token))


@given(token=st.text(min_size=1))
async def test_no_text_is_a_token_by_chance(token: str) -> None:
    await _assert_foreign(MemoryTaskStore(), "shop", TaskQuery(page_token=token))


async def test_altered_token_is_refused(store: TaskStore, new_task: NewTask) -> None:
    await _filled(store, [new_task(), new_task()])
    token = (await store.list("shop", TaskQuery(page_size=1))).next_page_token
    assert len(token) == 32
    await _assert_foreign(store, "shop", TaskQuery(page_token=token[:-1] + "!"))
    await _assert_foreign(store, "shop", TaskQuery(page_token=token + "AAAA"))
