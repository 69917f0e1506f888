"""What the tests of uploads send, and when it has arrived."""

import hashlib
from collections.abc import Callable

from trio.testing import MockClock

from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Task, TaskState
from rowferry.export.scheduler import TICK_SECONDS
from tests.record_batches import Row
from tests.unit.export.in_memory import Site
from tests.unit.export.uploads.failing_storage import FailingStorage

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]

PART_BYTES = 20_000
# About 20 parts of CSV; the core keeps less than 10 of them back until it writes.
ROWS: list[Row] = [(f"{n}", hashlib.sha256(b"%d" % n).hexdigest() * 2) for n in range(3000)]
HALF = len(ROWS) // 2


async def whole(site: Site, bucket: FailingStorage, task: Task) -> bool:
    """Tell whether a task has its object, and nothing else is left anywhere."""
    assert task.state is TaskState.COMPLETED, (task.state, task.error_code, task.error_message)
    assert bucket.keys() == [task.object_key]
    assert bucket.under_way() == []
    assert site.temporary_files() == []
    digest = hashlib.sha256(bucket.content(task.object_key)).hexdigest()
    return digest == task.sha256 and bucket.content(task.object_key).count(b"\n") == len(ROWS) + 1


async def until(site: Site, clock: MockClock, condition: Callable[[], bool]) -> None:
    """Let time pass, for retries of calls and of tasks, until the condition holds."""
    for _ in range(100):
        await site.settled()
        if condition():
            return
        clock.jump(TICK_SECONDS)
    raise TimeoutError
