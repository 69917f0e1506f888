"""What the SQL store asks the database about a client's tasks; each statement names the client."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    CompoundSelect,
    Delete,
    Select,
    Update,
    bindparam,
    case,
    delete,
    select,
    union,
    union_all,
    update,
)

from rowferry.domain.naming import first_task_id
from rowferry.domain.task import RUNNING, UNFINISHED, Task, TaskState
from rowferry.ports import TaskQuery
from rowferry.taskstore.database_clock import DatabaseClock
from rowferry.taskstore.paging import last_shown_task_id, page_size_of, searched_name
from rowferry.taskstore.tables import task_payload_table, task_table
from rowferry.taskstore.task_rows import microseconds, row_of

_t: Final = task_table.c
_IDENTITY: Final = frozenset({
    "id", "client", "request_id", "request_hash", "format", "filename", "filename_folded",
    "owner", "source", "provider", "created_at",
})  # fmt: skip
# Made once: building it anew for each change would cost more than running it.
CONDITIONAL_UPDATE: Final = (
    update(task_table)
    .where(
        _t.id == bindparam("its_id"),
        _t.client == bindparam("its_client"),
        _t.version == bindparam("its_version"),
        _t.state == bindparam("its_state"),
    )
    .values(
        # NULL microseconds make a NULL, which is no lease
        lease_until=DatabaseClock() + bindparam("lease_microseconds", type_=BigInteger),
        cancel_request=case((bindparam("is_running", type_=Boolean), _t.cancel_request)),
    )
)


def task_by_id(client: str, task_id: str) -> Select[Any]:
    """Select one task."""
    return select(task_table).where(_t.id == task_id, _t.client == client)


def tasks_by_id(task_ids: Sequence[str]) -> Select[Any]:
    """Select tasks of any clients."""
    return select(task_table).where(_t.id.in_(task_ids))


def task_with_document(task_id: str) -> Select[Any]:
    """Select one task of any client, with its request."""
    payload = task_payload_table
    return (
        select(task_table, payload.c.document)
        .join(payload, _t.id == payload.c.task_id)
        .where(_t.id == task_id)
    )


def task_by_request(client: str, request_id: str) -> Select[Any]:
    """Select the task of an idempotency key."""
    return select(task_table).where(_t.client == client, _t.request_id == request_id)


def document_of(client: str, task_id: str) -> Select[Any]:
    """Select the request of one task."""
    return (
        select(task_payload_table.c.document)
        .join(task_table, _t.id == task_payload_table.c.task_id)
        .where(_t.id == task_id, _t.client == client)
    )


def any_task() -> Select[Any]:
    """Select something from the table, to see that it is there."""
    return select(_t.id).limit(1)


def change_of(task: Task, expected: TaskState, lease_microseconds: int | None) -> dict[str, Any]:
    """Give the parameters of CONDITIONAL_UPDATE: what may change of a task, and the condition.

    A task that somebody works on gets a lease of so many microseconds.
    """
    changes = {k: v for k, v in row_of(task).items() if k not in _IDENTITY}
    return changes | {
        "version": task.version + 1,
        "lease_microseconds": lease_microseconds if task.lease_owner else None,
        "is_running": task.state in RUNNING,
        "its_id": task.id,
        "its_client": task.client,
        "its_version": task.version,
        "its_state": expected,
    }


def cancel_request_of(client: str, task_id: str) -> Select[Any]:
    """Select the wish to cancel a task."""
    return select(_t.cancel_request).where(_t.id == task_id, _t.client == client)


def cancel_request(client: str, task_id: str, reason: str) -> Update:
    """Note the wish to cancel a task if it runs; its version stays, so that its lease does."""
    return (
        update(task_table)
        .where(_t.id == task_id, _t.client == client, _t.state.in_(sorted(RUNNING)))
        .values(cancel_request=reason)
    )


def deletion_of(client: str, task_id: str) -> Delete:
    """Delete a task, and with it its request."""
    return delete(task_table).where(_t.id == task_id, _t.client == client)


def page(client: str, query: TaskQuery) -> Select[Any]:
    """Select the tasks of a page, newest first, and one more to see whether there is a next one.

    Raises INVALID_METADATA for a foreign token.
    """
    conditions = [_t.client == client, *_filters(query)]
    behind = last_shown_task_id(client, query)
    if behind is not None:
        conditions.append(_t.id < behind)
    limit = page_size_of(query) + 1
    if len(query.states) <= 1:
        conditions.extend(_t.state == state for state in query.states)
        return _in_order(select(task_table), conditions, limit, by_state=bool(query.states))
    newest = _newest_of_each(sorted(query.states), conditions, limit).subquery()
    found = select(task_table).join(newest, newest.c.id == _t.id)
    return found.order_by(_t.id.desc()).limit(limit)


def recent(clients: Sequence[str], since: datetime, limit: int) -> Select[Any]:
    """Select the clients' newest tasks of each unfinished state, and those made since."""
    since_id = first_task_id(microseconds(since) // 1000)
    walks = [walk for client in clients for walk in _recent_walks(client, since_id, limit)]
    ids = union(*(select(walk.subquery().c.id) for walk in walks)).subquery()
    return select(task_table).join(ids, ids.c.id == _t.id).order_by(_t.id.desc())


def _recent_walks(client: str, since_id: str, limit: int) -> Iterator[Select[Any]]:
    of_client = _t.client == client
    yield _in_order(select(_t.id), [of_client, _t.id >= since_id], limit, by_state=False)
    for state in sorted(UNFINISHED):
        conditions = [of_client, _t.state == state]
        yield _in_order(select(_t.id), conditions, limit, by_state=True)


def _newest_of_each(
    states: Sequence[TaskState], conditions: Sequence[ColumnElement[bool]], limit: int
) -> CompoundSelect[tuple[str]]:
    """Walk the index once for each state: no database merges them by the id by itself."""
    walks = (
        _in_order(select(_t.id), [*conditions, _t.state == state], limit, by_state=True)
        for state in states
    )
    return union_all(*(select(walk.subquery().c.id) for walk in walks))


def _in_order(
    tasks: Select[Any],
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    *,
    by_state: bool,
) -> Select[Any]:
    """Select the newest; MariaDB is told the index of that order, or it would read all tasks."""
    index = "ix_task_client_state_id" if by_state else "ix_task_client_id"
    newest = tasks.where(*conditions).order_by(_t.id.desc()).limit(limit)
    return newest.with_hint(task_table, f"FORCE INDEX ({index})", "mysql")


def _filters(query: TaskQuery) -> list[ColumnElement[bool]]:
    """Give the filters but for the states: those decide the index."""
    filters: list[ColumnElement[bool]] = []
    if query.formats:
        filters.append(_t.format.in_(sorted(query.formats)))
    if query.filename_contains:
        filters.append(_t.filename_folded.contains(searched_name(query), autoescape=True))
    if query.owner:
        filters.append(_t.owner == query.owner)
    if query.created_after is not None:
        filters.append(_t.created_at >= microseconds(query.created_after))
    if query.created_before is not None:
        filters.append(_t.created_at < microseconds(query.created_before))
    return filters
