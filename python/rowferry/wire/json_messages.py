"""The contract's messages as JSON: names and enums as the contract has them, integers as numbers.

The mapping of requests is protobuf's own (https://protobuf.dev/programming-guides/json/), so names
in lowerCamelCase and numbers of enums are understood too.
"""

from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message

from rowferry.domain.errors import invalid_metadata

AnyMessage = TypeVar("AnyMessage", bound=Message)


def decode_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Parse a JSON object; raise INVALID_METADATA for anything else. ``what``: "The body", say."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid_metadata("", f"{what} is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise invalid_metadata("", f"{what} is a JSON object.", expected="{…}")
    return document


def parse_message(document: dict[str, Any], message: AnyMessage, what: str) -> AnyMessage:
    """Fill a message from parsed JSON and give it; raise INVALID_METADATA if it does not fit."""
    # imported with the first request: a service that gets none saves a megabyte
    from google.protobuf import json_format  # noqa: PLC0415

    try:
        return json_format.ParseDict(document, message)
    except (json_format.ParseError, AttributeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        name = message.DESCRIPTOR.name
        raise invalid_metadata("", f"{what} is no {name}: {reason}") from None
