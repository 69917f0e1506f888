"""What goes wrong, on order: which requests, how often, in which way."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.doubles.oss.operations import Operation


class FaultKind(StrEnum):
    """How a request goes wrong."""

    ERROR = "error"
    """An error is answered: ``status``, ``code`` ("" = no document), and ``after_work``."""
    RESET_BEFORE = "reset_before"
    """The connection is reset before the body is read."""
    RESET_IN_BODY = "reset_in_body"
    """It is reset after ``after_bytes`` of the request's body, or of the answer's without one."""
    LOST_ANSWER = "lost_answer"
    """The work is done, then the connection is reset."""
    DELAY = "delay"
    """The work begins ``seconds`` after the request was read."""
    SLOW_BODY = "slow_body"
    """The request's body is read at ``bytes_per_second``."""
    HOLD = "hold"
    """The work begins when the fault is taken back, whether its client still waits or not."""
    HANG = "hang"
    """Nothing is answered until the client goes away or the fault is taken back."""
    LOSE_PART = "lose_part"
    """A part is acknowledged but not kept."""
    WRONG_CRC = "wrong_crc"
    """The answer tells another CRC than the body's."""
    DAMAGED_ON_THE_WAY = "damaged_on_the_way"
    """A bit is flipped before the body is stored, as the answer's CRC shows."""
    DAMAGED_ON_DISK = "damaged_on_disk"
    """A bit is flipped after the body is stored: the answer has the CRC of what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An order to fail. Requests are told apart by operation and key."""

    kind: FaultKind
    operation: Operation | None = None
    """None = any."""
    key_prefix: str = ""
    skip: int = 0
    """How many requests pass before."""
    count: int = 1
    """How many requests fail; 0 = all from then on."""
    probability: float = 1.0
    """With which a request fails, by ``seed``."""
    seed: int = 0
    status: int = 503
    code: str = "ServiceUnavailable"
    message: str = "Please reduce your request rate."
    after_work: bool = False
    after_bytes: int = 0
    seconds: float = 0.0
    bytes_per_second: int = 1_000_000


class _Order:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.fired = 0
        self._passed = 0
        self._chance = random.Random(fault.seed)

    def strikes(self, operation: Operation, key: str) -> bool:
        fault = self.fault
        if fault.operation not in {None, operation} or not key.startswith(fault.key_prefix):
            return False
        if fault.count and self.fired == fault.count:
            return False
        if self._passed < fault.skip:
            self._passed += 1
            return False
        if self._chance.random() >= fault.probability:
            return False
        self.fired += 1
        return True


class FaultPlan:
    """The orders in force, in the order they were given: the first that fits strikes."""

    def __init__(self) -> None:
        self._orders: Final[dict[int, _Order]] = {}
        self._changed: Final = threading.Condition()
        self._given = 0

    def add(self, fault: Fault) -> int:
        """Put an order in force; gives its number."""
        with self._changed:
            self._given += 1
            self._orders[self._given] = _Order(fault)
            return self._given

    def clear(self) -> None:
        """Take all orders back; requests that hang are cut off."""
        with self._changed:
            self._orders.clear()
            self._changed.notify_all()

    def fired(self) -> dict[int, int]:
        """Tell how often each order struck."""
        with self._changed:
            return {number: order.fired for number, order in self._orders.items()}

    def strike(self, operation: Operation, key: str) -> Fault | None:
        """Give what is to go wrong with a request, if anything."""
        with self._changed:
            for order in self._orders.values():
                if order.strikes(operation, key):
                    return order.fault
            return None

    def wait_until_taken_back(self, fault: Fault, is_over: Callable[[], bool]) -> None:
        """Wait until an order is not in force any more, or ``is_over`` says so."""
        with self._changed:
            while self._is_in_force(fault) and not is_over():
                self._changed.wait(0.1)

    def _is_in_force(self, fault: Fault) -> bool:
        return any(order.fault is fault for order in self._orders.values())
