"""What an address of the HTTP port does, as data: the OpenAPI document is written from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rowferry.domain.errors import ErrorCode

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter; ``place`` is ``path``, ``query`` or ``header``."""

    name: str
    place: str
    description: str
    schema: Schema
    required: bool = False
    example: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of a request or an answer: schemas by media type, examples beside them."""

    content: Mapping[str, Schema]
    examples: Mapping[str, object] = field(default_factory=dict)
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success: ``headers`` names its own header fields with what they say.

    ``links`` names operations whose ``task_id`` is that of the answer.
    """

    description: str
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address; ``errors`` are the codes beside those that every one may have."""

    method: str
    path: str
    name: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    answers: Mapping[int, Answer]
    errors: tuple[ErrorCode, ...] = ()
    own_statuses: tuple[int, ...] = ()
    is_public: bool = False
