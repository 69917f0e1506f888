"""The first queued pulled task in the order of claims, given to one asker only.

Of each client only its first task can be the next, so each costs one look into an index, however
many tasks wait. Two who ask at the same moment may get tasks of the same client: each is charged
for, so that later claims make up for it.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    func,
    select,
    text,
    update,
)

from rowferry.domain.fairness import FIRST_ORDINARY_PRIORITY, PriorityClass, priority_class
from rowferry.domain.task import Source, Task, TaskState
from rowferry.taskstore import tables
from rowferry.taskstore.chores import holds, is_free
from rowferry.taskstore.database_clock import DatabaseClock
from rowferry.taskstore.tables import client_share_table, task_table

PRIORITY_LIMIT: Final = 2**31 - 1
CLIENTS_TRIED: Final = 8  # the tasks of all of them can be in others' hands for a moment only

_t: Final = task_table.c
_s: Final = client_share_table.c
_NEW_SHARE: Final = (
    "INTO client_share (client, priority_class, virtual_time) VALUES (:client, :priority_class, 0)"
)
_ADD_SHARE: Final = text(f"INSERT {_NEW_SHARE} ON CONFLICT DO NOTHING")
_ADD_SHARE_MYSQL: Final = text(f"INSERT IGNORE {_NEW_SHARE}")


def add_share(connection: Connection, task: Task) -> None:
    """See to it that a client is found by ``reserve`` if the task is one that it can give."""
    if task.source is Source.PULL and task.state is TaskState.QUEUED:
        statement = _ADD_SHARE_MYSQL if connection.dialect.name == "mysql" else _ADD_SHARE
        share = {"client": task.client, "priority_class": int(priority_class(task.priority))}
        connection.execute(statement, share)


def reserve(
    connection: Connection, owner: str, lease_microseconds: int, held: Collection[str] = ()
) -> str | None:
    """Give the id of the first task that nobody has, and ``owner`` a lease on it."""
    for share in _shares_in_order(connection, held):
        of_share = {"its_client": share.client, "its_class": share.priority_class}
        task = connection.execute(_FIRST_UNLOCKED_TASK, of_share).first()
        if task is not None and _take(connection, task, owner, lease_microseconds):
            connection.execute(_CHARGE, {**of_share, "start": share.start})
            return str(task.id)
    return None


def _shares_in_order(
    connection: Connection, held: Collection[str]
) -> Sequence[Row[Any, Any, Any]]:
    """Give clients whose tasks wait, the next one first; ``start`` is a client's virtual time."""
    query = _SHARES_IN_ORDER.where(_s.client.not_in(held)) if held else _SHARES_IN_ORDER
    largest = dict(connection.execute(_LARGEST_TIMES).all())
    now = {f"now_{kind.name}": max(0, largest.get(kind, 0) - 1) for kind in PriorityClass}
    return connection.execute(query, now).all()


def _take(
    connection: Connection, task: Row[Any, Any], owner: str, lease_microseconds: int
) -> bool:
    change = {
        "its_id": task.id,
        "its_version": task.version,
        "version": task.version + 1,
        "lease_owner": owner,
        "lease_microseconds": lease_microseconds,
    }
    return connection.execute(_TAKE, change).rowcount == 1


def _is_of_class(kind: ColumnElement[int]) -> ColumnElement[bool]:
    """Tell whether a task is of a class; two bounds, which an index on priorities can use."""
    is_urgent = kind == PriorityClass.URGENT
    return and_(
        _t.priority >= case((is_urgent, 0), else_=FIRST_ORDINARY_PRIORITY),
        _t.priority < case((is_urgent, FIRST_ORDINARY_PRIORITY), else_=PRIORITY_LIMIT),
    )


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger)


_LARGEST_TIMES: Final = select(_s.priority_class, func.max(_s.virtual_time)).group_by(
    _s.priority_class
)

_now: Final = case(
    (_s.priority_class == PriorityClass.URGENT, _number("now_URGENT")),
    else_=_number("now_ORDINARY"),
)
_start: Final = case((_s.virtual_time > _now, _s.virtual_time), else_=_now).label("start")
_first: Final = task_table.alias("first")
_first_id: Final = (
    select(_t.id)
    .where(
        _t.client == _s.client,
        holds(tables.QUEUED_PULL),
        is_free(_t.lease_until),
        _is_of_class(_s.priority_class),
    )
    .order_by(_t.priority, _t.id)
    .limit(1)
    .correlate(client_share_table)
    .scalar_subquery()
)
_SHARES_IN_ORDER: Final = (
    select(_s.client, _s.priority_class, _start)
    .join(_first, _first.c.id == _first_id)
    .order_by(_s.priority_class, _start, _first.c.priority, _first.c.id)
    .limit(CLIENTS_TRIED)
)
_FIRST_UNLOCKED_TASK: Final = (
    select(_t.id, _t.version)
    .where(
        _t.client == bindparam("its_client", type_=_t.client.type),
        holds(tables.QUEUED_PULL),
        is_free(_t.lease_until),
        _is_of_class(_number("its_class")),
    )
    .order_by(_t.priority, _t.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_TAKE: Final = (
    update(task_table)
    .where(
        _t.id == bindparam("its_id"),
        _t.version == bindparam("its_version"),
        _t.state == TaskState.QUEUED,
    )
    .values(lease_until=DatabaseClock() + _number("lease_microseconds"))
)
_CHARGE: Final = (
    update(client_share_table)
    .where(_s.client == bindparam("its_client"), _s.priority_class == bindparam("its_class"))
    .values(
        virtual_time=case(
            (_s.virtual_time > _number("start"), _s.virtual_time), else_=_number("start")
        )
        + 1
    )
)
