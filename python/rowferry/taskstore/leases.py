"""Heartbeats of running tasks: leases made longer, progress noted, wishes to cancel told."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Connection, bindparam, select, update

from rowferry.domain.task import RUNNING, Task
from rowferry.ports import Renewal
from rowferry.taskstore.database_clock import DatabaseClock
from rowferry.taskstore.tables import task_table

_t: Final = task_table.c
_HEARTBEAT: Final = (
    update(task_table)
    .where(
        _t.id == bindparam("its_id"),
        _t.client == bindparam("its_client"),
        _t.version == bindparam("its_version"),
        _t.lease_owner == bindparam("its_owner"),
        _t.state.in_(sorted(RUNNING)),
    )
    .values(lease_until=DatabaseClock() + bindparam("lease_microseconds", type_=BigInteger))
)


def renew(
    connection: Connection, tasks: Sequence[Task], lease_microseconds: int
) -> Sequence[Renewal]:
    """Renew what is held still. Rows are taken in the order of ids, so that no two deadlock."""
    held = {
        task.id: connection.execute(_HEARTBEAT, _heartbeat(task, lease_microseconds)).rowcount == 1
        for task in sorted(tasks, key=lambda task: task.id)
    }
    wishes = select(_t.id, _t.cancel_request).where(_t.id.in_(held))
    reasons = dict(connection.execute(wishes).all())
    return [
        Renewal(task_id=task.id, held=held[task.id], cancel_reason=reasons.get(task.id))
        for task in tasks
    ]


def _heartbeat(task: Task, lease_microseconds: int) -> dict[str, object]:
    return {
        "lease_microseconds": lease_microseconds,
        "rows_received": task.rows_received,
        "rows_written": task.rows_written,
        "rows_ended": task.rows_ended,
        "its_id": task.id,
        "its_client": task.client,
        "its_version": task.version,
        "its_owner": task.lease_owner,
    }
