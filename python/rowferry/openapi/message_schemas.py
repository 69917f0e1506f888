"""JSON Schema (2020-12) of the contract's messages, as this service's JSON documents have them.

Made from the descriptors: a field that the contract gets is described at once.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

Schema = dict[str, Any]

_INT32_MAX: Final = 2**31 - 1
_INT64_MAX: Final = 2**63 - 1
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}


def answer_schema(kind: type[Message]) -> Schema:
    """Describe an answer: every field is there, and a time that is not known is null."""
    return _answer(cast("Descriptor", kind.DESCRIPTOR))


def request_schema(kind: type[Message], required: tuple[str, ...] = ()) -> Schema:
    """Describe what a client sends: fields may be left out but for ``required``, none be added."""
    schema = _request(cast("Descriptor", kind.DESCRIPTOR))
    if required:
        schema["required"] = list(required)
    return schema


def words(enum: EnumDescriptor) -> list[str]:
    """Give an enum's words but for the one that means none."""
    return [value.name for value in enum.values if not value.name.endswith("_UNSPECIFIED")]


def _answer(message: Descriptor) -> Schema:
    schema = _object(message, _answer_field)
    return schema | {"required": list(schema["properties"])}


def _request(message: Descriptor) -> Schema:
    return _object(message, _request_field)


def _object(message: Descriptor, describe: Callable[[FieldDescriptor], Schema]) -> Schema:
    properties = {field.name: describe(field) for field in message.fields}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _answer_field(field: FieldDescriptor) -> Schema:
    if field.message_type is not None and field.message_type.full_name == _TIMESTAMP:
        return {"type": ["string", "null"], "format": "date-time"}
    return _field(field, _answer, every_word=True)


def _request_field(field: FieldDescriptor) -> Schema:
    return _field(field, _request, every_word=False)


def _field(
    field: FieldDescriptor, of_message: Callable[[Descriptor], Schema], *, every_word: bool
) -> Schema:
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    single = _single(field, of_message, every_word=every_word)
    return {"type": "array", "items": single} if field.is_repeated else single


def _single(
    field: FieldDescriptor, of_message: Callable[[Descriptor], Schema], *, every_word: bool
) -> Schema:
    if field.message_type is not None:
        is_time = field.message_type.full_name == _TIMESTAMP
        return dict(_TIME) if is_time else of_message(field.message_type)
    if field.enum_type is not None:
        values = field.enum_type.values
        return {
            "type": "string",
            "enum": [value.name for value in values] if every_word else words(field.enum_type),
        }
    return _scalar(field.type)


def _scalar(kind: int) -> Schema:
    match kind:
        case FieldDescriptor.TYPE_STRING:
            return {"type": "string"}
        case FieldDescriptor.TYPE_BOOL:
            return {"type": "boolean"}
        case FieldDescriptor.TYPE_INT32:
            return {"type": "integer", "minimum": -_INT32_MAX - 1, "maximum": _INT32_MAX}
        case FieldDescriptor.TYPE_INT64:
            return {"type": "integer", "minimum": -_INT64_MAX - 1, "maximum": _INT64_MAX}
        case _:
            return {"type": "number"}
