"""``GET /v1/exports/{id}/events``: a task and its changes as server-sent events.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html. The stream
ends behind a final state. A browser would connect again then: who says, by the last event's id,
that it has the final state is answered 204, at which it stops.
"""

from functools import partial
from typing import Final

import trio

from rowferry.domain.access import Door
from rowferry.domain.errors import RowferryError
from rowferry.domain.task import Task, task_not_found
from rowferry.domain.view import TaskView
from rowferry.plain_nursery import open_plain_nursery
from rowferry.ports import Doorkeeper
from rowferry.status.progress_hub import ProgressHub, Watcher
from rowferry.status.progress_outlets import FetchedOutlet
from rowferry.wire.asgi import (
    NEVER_STORED,
    Receive,
    Scope,
    Send,
    encode_headers,
    encode_json,
    header,
    send_error,
)
from rowferry.wire.asgi_routes import caller_of, credentials_of
from rowferry.wire.task_json import task_document

EVENTS_PATH: Final = "/v1/exports/{task_id}/events"
RETRY_MILLISECONDS: Final = 2000
_BEGINNING: Final = b"retry: %d\n\n" % RETRY_MILLISECONDS
_HEARTBEAT: Final = b": still here\n\n"
_HEADERS: Final = [
    ("content-type", "text/event-stream"),
    ("cache-control", NEVER_STORED),
    ("x-accel-buffering", "no"),  # nginx would keep events until there are many
]


class ProgressEvents:
    """The ASGI application of the address."""

    def __init__(self, hub: ProgressHub, doorkeeper: Doorkeeper) -> None:
        self._hub = hub
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        check = partial(self._doorkeeper.recognise, Door.HTTP, credentials_of(scope))
        outlet = FetchedOutlet(check)
        try:
            with self._hub.joined(caller_of(scope).client, outlet) as watcher:
                view = await self._follow(watcher, scope["path_params"]["task_id"])
                if view.task.is_final and header(scope, b"last-event-id") == _event_id(view.task):
                    await _send_no_content(send)
                    return
                await _send_start(send)
                async with open_plain_nursery() as nursery:
                    # a connection that is quiet does not show that its client has left
                    nursery.start_soon(_cancel_when_gone, receive, nursery.cancel_scope)
                    with outlet.scope:
                        await _send_events(send, outlet, view)
                    await send({"type": "http.response.body", "body": b""})
                    nursery.cancel_scope.cancel()
        except RowferryError as refusal:
            await send_error(send, refusal)

    async def _follow(self, watcher: Watcher, task_id: str) -> TaskView:
        found = await self._hub.follow_tasks(watcher, [task_id])
        if task_id not in found:
            raise task_not_found(task_id)
        return found[task_id].view


async def _send_events(send: Send, outlet: FetchedOutlet, view: TaskView) -> None:
    """Send a task, then its changes, until it is final."""
    await _send_part(send, _BEGINNING + task_event(view))
    is_final = view.task.is_final
    while not is_final:
        updates = await outlet.fetch()
        await _send_part(send, updates.joined(task_event) or _HEARTBEAT)
        is_final = any(update.task.is_final for update in updates.all)


def task_event(view: TaskView) -> bytes:
    """Give the event of a task's change."""
    event_id = _event_id(view.task).encode()
    return b"event: task\nid: %b\ndata: %b\n\n" % (event_id, encode_json(task_document(view)))


def _event_id(task: Task) -> str:
    """Tell one state from the next; progress between them needs no id of its own."""
    return str(task.version)


async def _send_start(send: Send) -> None:
    headers = encode_headers(_HEADERS)
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _send_no_content(send: Send) -> None:
    headers = encode_headers([("cache-control", NEVER_STORED)])
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


async def _cancel_when_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
