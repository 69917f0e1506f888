"""How requests go wrong: before their work, and after it."""

import select
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.doubles.oss.faults import Fault, FaultKind, FaultPlan
from tests.doubles.oss.http_body import HttpBody
from tests.doubles.oss.object_operations import CRC_HEADER
from tests.doubles.oss.oss_errors import OssError
from tests.doubles.oss.oss_request import Answer


class BrokenConnectionError(Exception):
    """The connection is to be reset."""


class SlowBody:
    """A body that is read no faster than so: what its client sends piles up."""

    def __init__(self, body: HttpBody, bytes_per_second: int) -> None:
        self._body: Final = body
        self._bytes_per_second: Final = bytes_per_second

    def blocks(self) -> Iterator[memoryview]:
        """Give the blocks that are left."""
        for block in self._body.blocks():
            time.sleep(len(block) / self._bytes_per_second)
            yield block


def fail_before_work(
    fault: Fault, plan: FaultPlan, body: HttpBody, connection: socket.socket
) -> None:
    """Let a request go wrong that has not been worked on.

    Raises BrokenConnectionError, or OssError for an error to answer.
    """
    match fault.kind:
        case FaultKind.ERROR if not fault.after_work:
            raise _error(fault)
        case FaultKind.RESET_BEFORE:
            raise BrokenConnectionError
        case FaultKind.RESET_IN_BODY:
            _break_in(body, fault.after_bytes)
        case FaultKind.DELAY:
            time.sleep(fault.seconds)
        case FaultKind.HOLD:
            plan.wait_until_taken_back(fault, lambda: False)
        case FaultKind.HANG:
            drain(body)
            plan.wait_until_taken_back(fault, lambda: _has_gone(connection))
            raise BrokenConnectionError
        case _:
            pass


def fail_after_work(fault: Fault, answer: Answer) -> Answer:
    """Let a request go wrong that was worked on: raises as before it, or changes the answer."""
    match fault.kind:
        case FaultKind.ERROR if fault.after_work:
            raise _error(fault)
        case FaultKind.LOST_ANSWER:
            raise BrokenConnectionError
        case FaultKind.WRONG_CRC if CRC_HEADER in answer.headers:
            crc = int(answer.headers[CRC_HEADER]) ^ 1
            return replace(answer, headers={**answer.headers, CRC_HEADER: str(crc)})
        case _:
            return answer


def drain(body: HttpBody) -> None:
    """Read the rest of a body: a client that still sends does not read its answer."""
    for _ in body.blocks():
        pass


def _error(fault: Fault) -> OssError:
    return OssError(fault.status, fault.code, fault.message)


def _break_in(body: HttpBody, after_bytes: int) -> None:
    """Reset in the request's body, at its end if it is short; without one, the answer is cut."""
    for _ in body.blocks():
        if body.received_bytes >= after_bytes:
            break
    if body.received_bytes:
        raise BrokenConnectionError


def _has_gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
