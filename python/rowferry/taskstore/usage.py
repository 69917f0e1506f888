"""What clients sent on a day: a row a node, which only that node writes, with its own sum.

So a write that is made twice counts once, and nodes are not in each other's way.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from rowferry.domain.quota import Usage
from rowferry.taskstore.tables import client_usage_table

KEPT_DAYS: Final = 31

_u: Final = client_usage_table.c


def usage_by_node(connection: Connection, client: str, day: str) -> Mapping[str, Usage]:
    """Read what each node has counted."""
    query = select(_u.node, _u.rows_received, _u.bytes_received).where(
        _u.client == client, _u.day == day
    )
    return {
        node: Usage(rows=rows, payload_bytes=payload_bytes)
        for node, rows, payload_bytes in connection.execute(query)
    }


def put_usage(connection: Connection, client: str, day: str, node: str, usage: Usage) -> None:
    """Write a node's sum; with the first of a day the client's old days are forgotten."""
    key = {"client": client, "day": day, "node": node}
    sums = {"rows_received": usage.rows, "bytes_received": usage.payload_bytes}
    its_row = (_u.client == client, _u.day == day, _u.node == node)
    change = update(client_usage_table).where(*its_row).values(sums)
    if connection.execute(change).rowcount == 0:
        connection.execute(insert(client_usage_table), key | sums)
        oldest = oldest_kept_day(day)
        connection.execute(
            delete(client_usage_table).where(_u.client == client, _u.node == node, _u.day < oldest)
        )


def oldest_kept_day(today: str) -> str:
    """Give the first day whose usage is kept."""
    return (date.fromisoformat(today) - timedelta(days=KEPT_DAYS)).isoformat()
