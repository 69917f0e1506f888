"""How a call fails: the transport's own failures, and their way into a status with trailers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from grpclib.const import Status
from grpclib.exceptions import GRPCError

_SAYS_NOTHING: Final = frozenset({Status.INTERNAL, Status.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailure:
    """What a client is told of a failed call.

    ``message`` is public. ``metadata`` becomes trailing metadata; keys that end in ``-bin`` have
    ``bytes`` values, and ``grpc-status-details-bin`` holds an encoded ``google.rpc.Status``.
    """

    status: Status
    message: str = ""
    metadata: Mapping[str, str | bytes] = field(default_factory=dict)


Translate = Callable[[Exception], CallFailure]
"""Turns what a handler raised into what its client is told; must not raise."""


class MessageTooLargeError(GRPCError):
    """A message is over the limit; its body was not read."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            Status.RESOURCE_EXHAUSTED, f"a message may have at most {limit_bytes} bytes"
        )
        self.limit_bytes = limit_bytes


class MalformedRequestError(GRPCError):
    """The client broke the framing of messages (gRPC over HTTP/2, Length-Prefixed-Message)."""

    def __init__(self, message: str) -> None:
        super().__init__(Status.INTERNAL, message)


class DeadlineExceededError(GRPCError):
    """The time the client gave has passed."""

    def __init__(self) -> None:
        super().__init__(Status.DEADLINE_EXCEEDED, "the deadline of the call has passed")


class ServerStoppingError(GRPCError):
    """The server's grace period is over and the call was cancelled."""

    def __init__(self) -> None:
        super().__init__(Status.UNAVAILABLE, "the server is shutting down")


def plain_translation(error: Exception) -> CallFailure:
    """Pass a ``GRPCError`` on and hide everything else behind INTERNAL."""
    if isinstance(error, GRPCError):
        return CallFailure(status=error.status, message=error.message or "")
    return CallFailure(status=Status.INTERNAL, message="internal error")


def single_failure(failures: Iterable[CallFailure]) -> CallFailure:
    """Pick what to tell of several failures: the first that says more than INTERNAL."""
    return min(failures, key=lambda failure: failure.status in _SAYS_NOTHING)


def is_unexpected(error: Exception, failure: CallFailure) -> bool:
    """Whether an error belongs in the log: its client is not told what happened."""
    return failure.status in _SAYS_NOTHING and not isinstance(error, GRPCError)


def leaves(error: Exception) -> Iterator[Exception]:
    """Yield the errors of a group, such as a handler's own nursery raises."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
