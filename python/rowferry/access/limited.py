"""Who passes a doorkeeper, and how often: requests a second, and failures from one address."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from rowferry.access.client_list import ip_of
from rowferry.domain.access import Caller, Credentials, Door
from rowferry.domain.errors import ErrorCode, RowferryError, rate_limited
from rowferry.domain.quota import TokenBucket
from rowferry.ports import ClientRulesSource, Doorkeeper

FAILURES_PER_SECOND: Final = 1.0
FAILURES_AT_ONCE: Final = 20
ADDRESSES_REMEMBERED: Final = 10_000
_FAILURES: Final = frozenset({ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN})


class LimitedDoorkeeper:
    """Asks another doorkeeper, and counts.

    An address that failed too often hears RATE_LIMITED instead of why; what its other callers show
    is still looked at, so that nobody is shut out by a neighbour. ``now`` is a monotonic clock, in
    seconds.
    """

    def __init__(
        self, inner: Doorkeeper, rules: ClientRulesSource, *, now: Callable[[], float]
    ) -> None:
        self._inner = inner
        self._rules = rules
        self._now = now
        self._buckets: dict[str, tuple[float, int, TokenBucket]] = {}
        self._failures: OrderedDict[str, TokenBucket] = OrderedDict()

    def admit(self, door: Door, credentials: Credentials) -> Caller:
        """Tell who calls; raise RATE_LIMITED, or what the doorkeeper raises."""
        try:
            caller = self._inner.admit(door, credentials)
        except RowferryError as error:
            if error.code in _FAILURES:
                self._count_failure(credentials.address)
            raise
        self._count_request(caller.client)
        return caller

    def recognise(self, door: Door, credentials: Credentials) -> Caller:
        """Ask the other doorkeeper, and count nothing."""
        return self._inner.recognise(door, credentials)

    def _count_request(self, client: str) -> None:
        rules = self._rules.rules(client)
        if not rules.requests_per_second:
            self._buckets.pop(client, None)
            return
        rate, burst, bucket = self._buckets.get(client, (0.0, 0, None))
        if bucket is None or (rate, burst) != (rules.requests_per_second, rules.burst):
            rate, burst = rules.requests_per_second, rules.burst
            bucket = TokenBucket(rate, burst, self._now())
            self._buckets[client] = (rate, burst, bucket)
        wait_seconds = bucket.wait_seconds(self._now())
        if wait_seconds:
            message = "The client asks more often than it may: try again later."
            raise rate_limited(message, wait_seconds)

    def _count_failure(self, address: str) -> None:
        host = str(ip_of(address) or address)
        now = self._now()
        bucket = self._failures.pop(host, None)
        if bucket is None:
            bucket = TokenBucket(FAILURES_PER_SECOND, FAILURES_AT_ONCE, now)
        self._failures[host] = bucket  # the newest comes last
        if len(self._failures) > ADDRESSES_REMEMBERED:
            self._failures.popitem(last=False)
        wait_seconds = bucket.wait_seconds(now)
        if wait_seconds:
            message = "Too many refused attempts came from this address: try again later."
            raise rate_limited(message, wait_seconds)
