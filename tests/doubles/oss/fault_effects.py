"""How requests go wrong: before their work, and after it."""

import select
import socket
import time
from dataclasses import replace

from tests.doubles.oss.faults import Fault, FaultKind, FaultPlan
from tests.doubles.oss.http_body import HttpBody
from tests.doubles.oss.object_operations import CRC_HEADER
from tests.doubles.oss.oss_errors import OssError
from tests.doubles.oss.oss_request import Answer


class BrokenConnectionError(Exception):
    """The connection is to be reset."""


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
        case FaultKind.WRONG_CRC:
            crc = int(answer.headers.get(CRC_HEADER, "0")) ^ 1
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
    """Reset in the request's body if it has one that long; else it is the answer's turn."""
    for _ in body.blocks():
        if body.received_bytes >= after_bytes:
            raise BrokenConnectionError


def _has_gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
