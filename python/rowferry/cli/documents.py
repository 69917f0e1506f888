"""The contract's messages as JSON documents and as text.

Field names are the contract's, enums are their names, times RFC 3339 in UTC, integers numbers.
"""

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_BYTES_PER_UNIT: Final = 1024


def document(message: Message) -> dict[str, Any]:
    """Give all fields of a message; times that are not set are null."""
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def lines(message: Message) -> Iterator[str]:
    """Give the fields that are set, one a line, aligned."""
    shown = {k: v for k, v in document(message).items() if v and not _is_unspecified(v)}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        for part in value if isinstance(value, list) else [value]:
            yield f"{name:<{width}}  {_text(part)}"


def human_bytes(number: int) -> str:
    """Give a size with a unit, for people."""
    size = float(number)
    for unit in ("B", "KiB", "MiB"):
        if size < _BYTES_PER_UNIT:
            return f"{size:.1f} {unit}" if unit != "B" else f"{number} B"
        size /= _BYTES_PER_UNIT
    return f"{size:.1f} GiB"


def _field(message: Message, field: Any) -> Any:  # noqa: ANN401  a field's descriptor, any JSON value
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return dict(value)
    if field.is_repeated:
        return [_value(field, element) for element in value]
    if isinstance(value, Timestamp) and not message.HasField(field.name):
        return None
    return _value(field, value)


def _value(field: Any, value: Any) -> Any:  # noqa: ANN401  as above
    if isinstance(value, Timestamp):
        return value.ToJsonString()
    if isinstance(value, Message):
        return document(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return value


def _is_unspecified(value: object) -> bool:
    return isinstance(value, str) and value.endswith("_UNSPECIFIED")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return f"{value:.1f}" if isinstance(value, float) else str(value)
