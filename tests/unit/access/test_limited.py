"""How often callers pass, and how often they may fail."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from rowferry.access.limited import FAILURES_AT_ONCE, LimitedDoorkeeper
from rowferry.domain.access import Caller, ClientRules, Credentials, Door
from rowferry.domain.errors import ErrorCode, RowferryError

GOOD = Credentials(token="right", address="192.0.2.1:50000")  # noqa: S106  no secret
BAD = Credentials(token="wrong", address="192.0.2.1:50001")  # noqa: S106


@dataclass
class Doorkeeper:
    """Lets in whoever has the right token."""

    rules_now: ClientRules = field(default_factory=ClientRules)
    now: float = 100.0

    def recognise(self, door: Door, credentials: Credentials) -> Caller:
        return self.admit(door, credentials)

    def admit(self, door: Door, credentials: Credentials) -> Caller:
        if credentials.token != "right":  # noqa: S105
            raise RowferryError(ErrorCode.UNAUTHENTICATED, "Nobody knows the token.")
        return Caller(client="shop", address=credentials.address)

    def rules(self, client: str) -> ClientRules:
        return self.rules_now

    def is_enabled(self, client: str) -> bool:
        return bool(client)


@pytest.fixture
def behind() -> Doorkeeper:
    return Doorkeeper()


@pytest.fixture
def limited(behind: Doorkeeper) -> LimitedDoorkeeper:
    return LimitedDoorkeeper(behind, behind, now=lambda: behind.now)


def refusal(admit: Callable[[Door, Credentials], Caller], shown: Credentials) -> RowferryError:
    with pytest.raises(RowferryError) as refused:
        admit(Door.HTTP, shown)
    return refused.value


def test_client_without_a_rate_passes_as_often_as_it_likes(limited: LimitedDoorkeeper) -> None:
    for _ in range(1000):
        assert limited.admit(Door.HTTP, GOOD).client == "shop"


def test_client_over_its_rate_is_told_when_to_come_again(
    limited: LimitedDoorkeeper, behind: Doorkeeper
) -> None:
    behind.rules_now = ClientRules(requests_per_second=0.1, burst=2)
    for _ in range(2):
        limited.admit(Door.HTTP, GOOD)
    refused = refusal(limited.admit, GOOD)
    assert refused.code is ErrorCode.RATE_LIMITED
    assert refused.context == {"retry_after_seconds": "10"}
    behind.now += 10
    limited.admit(Door.HTTP, GOOD)


def test_new_rate_counts_from_its_first_request(
    limited: LimitedDoorkeeper, behind: Doorkeeper
) -> None:
    behind.rules_now = ClientRules(requests_per_second=1, burst=1)
    limited.admit(Door.HTTP, GOOD)
    refusal(limited.admit, GOOD)
    behind.rules_now = ClientRules(requests_per_second=1, burst=3)
    for _ in range(3):
        limited.admit(Door.HTTP, GOOD)
    refusal(limited.admit, GOOD)


def test_address_that_fails_too_often_hears_that_only(
    limited: LimitedDoorkeeper, behind: Doorkeeper
) -> None:
    failed = [refusal(limited.admit, BAD).code for _ in range(FAILURES_AT_ONCE + 3)]
    assert failed == [ErrorCode.UNAUTHENTICATED] * FAILURES_AT_ONCE + [ErrorCode.RATE_LIMITED] * 3
    behind.now += 2
    assert refusal(limited.admit, BAD).code is ErrorCode.UNAUTHENTICATED


def test_neighbour_of_somebody_who_fails_is_let_in(limited: LimitedDoorkeeper) -> None:
    for _ in range(FAILURES_AT_ONCE + 3):
        refusal(limited.admit, BAD)
    assert limited.admit(Door.HTTP, GOOD).client == "shop"


def test_other_addresses_have_failures_of_their_own(limited: LimitedDoorkeeper) -> None:
    for _ in range(FAILURES_AT_ONCE + 3):
        refusal(limited.admit, BAD)
    elsewhere = Credentials(token="wrong", address="[2001:db8::1]:4711")  # noqa: S106
    assert refusal(limited.admit, elsewhere).code is ErrorCode.UNAUTHENTICATED


def test_a_call_that_goes_on_is_recognised_without_being_counted(
    limited: LimitedDoorkeeper, behind: Doorkeeper
) -> None:
    behind.rules_now = ClientRules(requests_per_second=0.1, burst=1)
    for _ in range(100):
        assert limited.recognise(Door.HTTP, GOOD).client == "shop"
    limited.admit(Door.HTTP, GOOD)
    for _ in range(2 * FAILURES_AT_ONCE):
        assert refusal(limited.recognise, BAD).code is ErrorCode.UNAUTHENTICATED
    assert refusal(limited.admit, BAD).code is ErrorCode.UNAUTHENTICATED
