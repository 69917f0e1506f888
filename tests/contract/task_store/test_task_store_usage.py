"""What clients sent on a day, in every kind of store."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from rowferry.domain.quota import Usage
from rowferry.ports import TaskStore
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.sql import open_sql_task_store
from rowferry.taskstore.tables import client_usage_table

DAY = "2026-05-01"


async def test_nobody_has_sent_anything_at_first(store: TaskStore) -> None:
    assert await store.usage("shop", DAY) == {}


async def test_usage_is_what_a_node_said_last(store: TaskStore) -> None:
    await store.put_usage("shop", DAY, "one", Usage(rows=1, payload_bytes=2))
    last = Usage(rows=2**40, payload_bytes=2**62)
    for _ in range(2):
        await store.put_usage("shop", DAY, "one", last)
    assert await store.usage("shop", DAY) == {"one": last}


async def test_nodes_clients_and_days_are_told_apart(store: TaskStore) -> None:
    usages = {
        ("shop", DAY, "one"): Usage(rows=1),
        ("shop", DAY, "two"): Usage(rows=2),
        ("Shop", DAY, "one"): Usage(rows=3),
        ("shop ", DAY, "one"): Usage(rows=4),
        ("shop", "2026-05-02", "one"): Usage(rows=5),
    }
    for (client, day, node), usage in usages.items():
        await store.put_usage(client, day, node, usage)
    for client, day in {key[:2] for key in usages}:
        expected = {k[2]: usage for k, usage in usages.items() if k[:2] == (client, day)}
        assert await store.usage(client, day) == expected


@pytest.mark.parametrize("kept", [True, False])
async def test_databases_forget_a_day_after_a_month(
    new_database: Callable[[], str], *, kept: bool
) -> None:
    url = new_database()
    async with open_sql_task_store(url) as store:
        await store.put_usage("shop", "2026-03-31" if kept else "2026-03-30", "one", Usage(rows=1))
        await store.put_usage("shop", DAY, "one", Usage(rows=1))
    engine = open_engine(url)
    with engine.connect() as connection:
        assert len(connection.execute(select(client_usage_table)).all()) == 1 + kept
    engine.dispose()
