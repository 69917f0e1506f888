"""The messages of a progress WebSocket, subprotocol ``rowferry.progress.v1``: JSON texts."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec

from rowferry.domain.errors import ErrorCode, RowferryError, clip
from rowferry.domain.spec import Format
from rowferry.domain.task import TaskState
from rowferry.domain.view import TaskView
from rowferry.status.progress_hub import MAX_TASKS
from rowferry.status.progress_update import ProgressFilter, TaskUpdate
from rowferry.wire.asgi import encode_json, error_document
from rowferry.wire.json_errors import JSON_ERRORS
from rowferry.wire.task_json import task_document
from rowferry.wire.websocket_frames import text_frame

SUBPROTOCOL: Final = "rowferry.progress.v1"
HEARTBEAT: Final = b'{"type":"heartbeat"}'
_TaskIds = Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_TASKS)]


class _Message(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"
):
    """What clients say."""


class Auth(_Message, frozen=True, kw_only=True, tag="auth"):
    """The token of a client that could show none at the handshake."""

    token: str

    def __repr__(self) -> str:
        """Leave the token out of every log line and traceback."""
        return "Auth(…)"


class Subscribe(_Message, frozen=True, kw_only=True, tag="subscribe"):
    """Which tasks to watch: some, by name, or all of the client's that the filters let pass."""

    task_ids: _TaskIds = ()
    all: bool = False
    states: frozenset[TaskState] = frozenset()
    formats: frozenset[Format] = frozenset()
    owner: Annotated[str, msgspec.Meta(max_length=255)] = ""

    @property
    def wanted(self) -> ProgressFilter:
        """The filters."""
        return ProgressFilter(states=self.states, formats=self.formats, owner=self.owner)


class Unsubscribe(_Message, frozen=True, kw_only=True, tag="unsubscribe"):
    """Which tasks to watch no longer."""

    task_ids: _TaskIds = ()
    all: bool = False


ClientMessage = Auth | Subscribe | Unsubscribe
_DECODER: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)


def decode_message(text: str | None) -> ClientMessage:
    """Read what a client says; raise INVALID_METADATA for anything else."""
    try:
        return _DECODER.decode(text or "")
    except JSON_ERRORS as error:
        message = f"A message is a JSON text of {SUBPROTOCOL}: {clip(str(error), 200)}."
        raise RowferryError(ErrorCode.INVALID_METADATA, message) from None


def message(kind: str, **fields: Any) -> bytes:  # noqa: ANN401  whatever JSON has
    """Give one of the service's messages."""
    return encode_json({"type": kind, **fields})


def snapshot_message(updates: Iterable[TaskUpdate]) -> bytes:
    """Give tasks as they are at the beginning."""
    return message("snapshot", tasks=[task_document(update.view) for update in updates])


def error_message(error: RowferryError) -> bytes:
    """Give an error as every door does."""
    return message("error", **error_document(error))


def task_message(view: TaskView) -> bytes:
    """Give a task as of a change."""
    return message("task", task=task_document(view))


def task_frame(view: TaskView) -> bytes:
    """Give the whole frame of a task's message."""
    return text_frame(task_message(view))
