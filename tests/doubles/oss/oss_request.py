"""A request as the operations see it, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.doubles.oss.bodies import IncomingBody, StoredBody
from tests.doubles.oss.faults import Fault, FaultKind
from tests.doubles.oss.oss_errors import OssError, invalid_argument

DOCUMENT_BYTES: Final = 2 * 1024 * 1024  # the complete's 10,000 parts have about 1 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class OssRequest:
    """A request, its signature checked if it has one."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: IncomingBody
    now: float
    """The double's clock, seconds since 1970."""
    is_signed: bool
    fault: Fault | None = None

    def header(self, name: str) -> str:
        """Give a header; "" if there is none."""
        return self.headers.get(name, "")

    def number(self, name: str, default: int, most: int, *, least: int = 1) -> int:
        """Give a number of the query; raises InvalidArgument out of its bounds."""
        text = self.query.get(name) or str(default)
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise invalid_argument(f"{name} must be an integer of {least} to {most}.")
        return int(text)

    def suffers(self, kind: FaultKind) -> bool:
        """Whether this request is to go wrong so."""
        return self.fault is not None and self.fault.kind is kind

    def document(self) -> bytes:
        """Read a body that is a document."""
        document = bytearray()
        for block in self.body.blocks():
            document += block
            if len(document) > DOCUMENT_BYTES:
                raise OssError(400, "EntityTooLarge", "The document is too large.")
        return bytes(document)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRange:
    """The bytes [start, end) of a body."""

    body: StoredBody
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client gets, but for the headers that all answers have."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | BodyRange = b""
    """A HEAD's is not sent, but its size is told."""

    @property
    def content_bytes(self) -> int:
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.end - self.content.start
