"""The WebSocket door's control frames: JSON objects with a ``type``, fields as in the contract."""

from typing import Any, Final

from rowferry.domain.errors import clip, invalid_metadata
from rowferry.domain.view import TaskView
from rowferry.ingest.http_json import json_object, parse_message
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import encode_json
from rowferry.wire.task_json import result_document

SUBPROTOCOL: Final = "rowferry.ingest.v1"
AUTH: Final = "auth"
HEARTBEAT: Final = '{"type":"heartbeat"}'


def control_frame(text: str) -> dict[str, Any]:
    """Parse a client's text frame; raise INVALID_METADATA unless it is an object."""
    return json_object(text, "The frame")


def request_of(frame: dict[str, Any]) -> pb.ExportRequest:
    """Give the contract's message for a control frame; raise INVALID_METADATA if it is none."""
    kind, fields = frame.get("type"), {k: v for k, v in frame.items() if k != "type"}
    if kind == "metadata":
        return _request({"metadata": fields.get("metadata", {})})
    if kind in ("resume", "finish"):
        return _request({kind: fields})
    message = "The type of the frame is not known here."
    expected = "metadata, resume or finish"
    raise invalid_metadata("type", message, expected=expected, got=clip(str(kind)))


def _request(document: dict[str, Any]) -> pb.ExportRequest:
    return parse_message(document, pb.ExportRequest())


def response_text(response: pb.ExportResponse, credit_bytes: int) -> str:
    """Give the control frame for ``task_created`` or an ``ack``."""
    if response.HasField("task_created"):
        created = response.task_created
        return _text(
            type="task_created",
            task_id=created.task_id,
            status=pb.TaskState.Name(created.status),
            next_sequence=created.next_sequence,
            rows_received=created.rows_received,
            max_message_bytes=created.max_message_bytes,
            credit_bytes=credit_bytes,
        )
    ack = response.ack
    return _text(
        type="ack",
        batch_sequence=ack.batch_sequence,
        rows=ack.rows,
        bytes=ack.bytes,
        credit_bytes=credit_bytes,
    )


def credit_text(credit_bytes: int) -> str:
    """Give the control frame that only raises the credit."""
    return _text(type="credit", credit_bytes=credit_bytes)


def result_text(view: TaskView) -> str:
    """Give the control frame of a task's outcome."""
    return _text(type="result", **result_document(view))


def _text(**fields: object) -> str:
    return encode_json(fields).decode()
