"""What the SQL store asks about tasks of all clients: what recovery and schedulers have to do.

Each statement repeats the condition of the partial index that it walks: see ``tables``.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, TextClause, func, or_, select, text

from rowferry.domain.task import Source, TaskState
from rowferry.ports import Chore
from rowferry.taskstore import tables
from rowferry.taskstore.database_clock import DatabaseClock
from rowferry.taskstore.tables import task_table
from rowferry.taskstore.task_rows import microseconds

_t: Final = task_table.c


def holds(condition: str) -> TextClause:
    """Give the condition of an index as a part of a query's."""
    return text(f"({condition})")


def is_free(lease_until: ColumnElement[int]) -> ColumnElement[bool]:
    """Tell by the database's clock whether nobody has a lease."""
    return or_(lease_until.is_(None), lease_until <= DatabaseClock())


def unfinished_tasks(node: str) -> Select[Any]:
    """Select a node's tasks that are not final, oldest first; those of no node are everybody's."""
    return (
        select(task_table)
        .where(holds(tables.NOT_FINAL), _t.home_node.in_(["", node]))
        .order_by(_t.id)
    )


def queued_pulls(client: str | None = None) -> Select[Any]:
    """Count the pulled tasks that wait for a slot: of one client, or of all."""
    query = select(func.count()).select_from(task_table).where(holds(tables.QUEUED_PULL))
    return query if client is None else query.where(_t.client == client)


def awaiting(chore: Chore, *, node: str, before: datetime, limit: int) -> Select[Any]:
    """Select tasks that the scheduler of a node has to do something about."""
    return _CHORES[chore](node, microseconds(before)).limit(limit)


def _lapsed(_node: str, _before: int) -> Select[Any]:
    return _where(tables.RUNNING, is_free(_t.lease_until)).order_by(_t.id)


def _due(node: str, before: int) -> Select[Any]:
    for_node = or_(_t.source == Source.PULL, _t.home_node == node)
    return _where(tables.TIMED, _t.run_at <= before, for_node).order_by(_t.run_at)


def _undispatched(_node: str, _before: int) -> Select[Any]:
    return _where(tables.QUEUED_PULL, _t.dispatched_at.is_(None))


def _overdue(_node: str, before: int) -> Select[Any]:
    return _where(tables.QUEUED_PULL, _t.queued_at <= before)


def _file_expired(_node: str, before: int) -> Select[Any]:
    expired = _t.file_expires_at <= before
    return _where(tables.WITH_FILE, expired).order_by(_t.file_expires_at)


def _spool_expired(node: str, before: int) -> Select[Any]:
    expired = _t.spool_expires_at <= before
    return _where(tables.WITH_SPOOL, expired, _t.home_node == node).order_by(_t.spool_expires_at)


def _leftovers(_node: str, _before: int) -> Select[Any]:
    has_ended = or_(_t.state == TaskState.CANCELLED, _t.state == TaskState.FAILED)
    recorded = (_t.object_key != "", _t.run_at.is_(None))
    return _where(tables.WITHOUT_FILE, has_ended, *recorded).order_by(_t.finished_at)


def _forgettable(_node: str, before: int) -> Select[Any]:
    file_gone = or_(_t.file_expires_at.is_(None), _t.file_expires_at <= before)
    is_settled = (_t.run_at.is_(None), _t.spool_expires_at.is_(None), file_gone)
    finished = _t.finished_at <= before
    return _where(tables.WITHOUT_FILE, finished, *is_settled).order_by(_t.finished_at)


def _where(condition: str, *others: ColumnElement[bool]) -> Select[Any]:
    return select(task_table).where(holds(condition), *others)


_CHORES: Final[Mapping[Chore, Callable[[str, int], Select[Any]]]] = {
    Chore.LAPSED: _lapsed,
    Chore.DUE: _due,
    Chore.UNDISPATCHED: _undispatched,
    Chore.OVERDUE: _overdue,
    Chore.LEFTOVERS: _leftovers,
    Chore.FILE_EXPIRED: _file_expired,
    Chore.SPOOL_EXPIRED: _spool_expired,
    Chore.FORGETTABLE: _forgettable,
}
