"""What is known of the rows of a pushed export, without touching who brings them."""

from typing import Final

import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Source, Task, task_not_found
from rowferry.domain.view import TaskView
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.queries import ExportQueries
from rowferry.export.reopening import Reopening
from rowferry.ports import TaskStore

SETTLE_SECONDS: Final = 2.0


class PushedRows:
    """Answers what a client asks before it sends rows, or sends them again."""

    def __init__(
        self,
        *,
        store: TaskStore,
        live_tasks: LiveTasks,
        queries: ExportQueries,
        reopening: Reopening,
        sync_threads: DiskThreads,
    ) -> None:
        self._store = store
        self._live_tasks = live_tasks
        self._queries = queries
        self._reopening = reopening
        self._sync_threads = sync_threads

    async def request(self, client: str, task_id: str) -> ExportSpec:
        """Give the request of a pushed export; raise NOT_FOUND, INVALID_STATE if it is pulled."""
        live = self._live_tasks.find(client, task_id)
        spec = live.spec if live is not None else await self._stored(client, task_id)
        if spec.provider:
            message = "The rows of this export come from its provider: it takes none."
            raise RowferryError(ErrorCode.INVALID_STATE, message, {"provider": spec.provider})
        return spec

    async def _stored(self, client: str, task_id: str) -> ExportSpec:
        document = await self._store.document(client, task_id) if is_task_id(task_id) else None
        if document is None:
            raise task_not_found(task_id)
        return ExportSpec.from_document(document)

    async def kept(self, client: str, task_id: str) -> TaskView:
        """Give the task with the rows and batches that survive what acknowledged ones do.

        Raises NOT_FOUND, WRITE_FAILED, and WRONG_NODE while its log is another node's.
        """
        live = self._live_tasks.find(client, task_id)
        if live is not None and live.is_pushed and not live.rows_ended:
            return await self._synced(live)
        view = await self._queries.status(client, task_id)
        if _takes_rows(view.task):
            self._reopening.check_home(view.task)
        return view

    async def settled(self, client: str, task_id: str) -> TaskView:
        """As ``kept``, once the connection that brings rows is gone, if it goes soon.

        What a connection sent before it was cut may still be on its way into the log when its
        client asks where to go on.
        """
        live = self._live_tasks.find(client, task_id)
        if live is not None:
            with trio.move_on_after(SETTLE_SECONDS):
                await live.changed.wait_for(lambda: live.connection is None)
        return await self.kept(client, task_id)

    async def _synced(self, live: LiveTask) -> TaskView:
        view = live.view()
        if live.log.unsynced:
            await self._sync_threads.run_sync(live.log.sync)
        return view


def _takes_rows(task: Task) -> bool:
    return task.source is Source.PUSH and not (task.is_final or task.rows_ended)
