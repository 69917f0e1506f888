"""The tags of an object: what its client wants there, and what leads to its task."""

from collections.abc import Mapping
from functools import partial

from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.naming import tag_text
from rowferry.export.live_task import LiveTask
from rowferry.export.storage_calls import StorageCalls
from rowferry.export.task_journal import names
from rowferry.ports import ObjectStorage, Observer


async def write_tags(
    live: LiveTask,
    key: str,
    sha256: str,
    *,
    storage: ObjectStorage,
    calls: StorageCalls,
    observer: Observer,
) -> None:
    """Write an object's tags; one without them is a file all the same."""
    tags = object_tags(live, sha256)
    try:
        await calls.run("set_tags", partial(storage.set_tags, key, tags))
    except RowferryError as error:
        observer.observe(
            events.ObjectTagsFailed(
                **names(live.task),
                object_key=key,
                storage_code=getattr(error, "reason", ""),
                message=error.message,
            )
        )


def object_tags(live: LiveTask, sha256: str) -> Mapping[str, str]:
    """Give the object's tags: the client's own, and what finds the task."""
    return {
        **live.spec.tags,
        "rowferry-task": live.task.id,
        "rowferry-client": tag_text(live.task.client),
        "rowferry-format": live.task.format,
        "rowferry-sha256": sha256,
    }
