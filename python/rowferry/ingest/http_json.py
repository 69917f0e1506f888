"""JSON in requests: documents become the contract's messages, by its own names."""

from typing import Any, Final, TypeVar

import msgspec
from google.protobuf.message import Message

from rowferry.domain.errors import ErrorCode, clip, invalid_metadata
from rowferry.wire.asgi import JSON_TYPE, HttpStatusError, Scope, header
from rowferry.wire.json_errors import JSON_ERRORS

_UNSUPPORTED_MEDIA_TYPE: Final = 415
_AnyMessage = TypeVar("_AnyMessage", bound=Message)


def check_json_type(scope: Scope) -> None:
    """Raise 415 unless the request says that its body is JSON."""
    content_type = header(scope, b"content-type").partition(";")[0].strip().lower()
    if content_type != JSON_TYPE:
        message = "The body is JSON, and says so."
        context = {"field": "content-type", "expected": JSON_TYPE, "got": clip(content_type)}
        raise HttpStatusError(
            _UNSUPPORTED_MEDIA_TYPE, ErrorCode.INVALID_METADATA, message, context
        )


def json_object(text: bytes | str, what: str = "The body") -> dict[str, Any]:
    """Decode a body, or ``what`` it is; raise INVALID_METADATA unless it is an object."""
    document = decode_json("", text, what)
    if not isinstance(document, dict):
        raise invalid_metadata("", f"{what} is a JSON object.", expected="{…}")
    return document


def decode_json(field: str, text: bytes | str, what: str = "The body") -> Any:  # noqa: ANN401  the client decides
    """Decode JSON; ``field`` is where it stands, "" = in ``what``, by itself."""
    try:
        return msgspec.json.decode(text)
    except JSON_ERRORS as error:
        raise invalid_metadata(field, f"{field or what} is not JSON: {error}.") from None


def parse_message(document: dict[str, Any], message: _AnyMessage) -> _AnyMessage:
    """Fill a message from its JSON form; raise INVALID_METADATA for what it has no place for."""
    # imported with the first request: a service that gets none saves a megabyte
    from google.protobuf import json_format  # noqa: PLC0415

    try:
        return json_format.ParseDict(document, message)
    except (json_format.ParseError, AttributeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        name = message.DESCRIPTOR.name
        raise invalid_metadata("", f"The request is no {name}: {reason}") from None
