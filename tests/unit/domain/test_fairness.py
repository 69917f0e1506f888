from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.fairness import PriorityClass, VirtualTime, priority_class

CLIENTS = "abcde"
ORDERS = st.lists(st.permutations(CLIENTS), min_size=1, max_size=40)
TURNS = st.lists(st.tuples(st.permutations(CLIENTS), st.integers(1, len(CLIENTS))), max_size=60)


def next_client(times: VirtualTime, waiting: list[str]) -> str:
    """Who is next: the first of ``waiting``, in which ties are in the order of their tasks."""
    return min(waiting, key=times.of)


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        (1, PriorityClass.URGENT),
        (99, PriorityClass.URGENT),
        (100, PriorityClass.ORDINARY),
        (1000, PriorityClass.ORDINARY),
    ],
)
def test_priorities_below_100_are_a_class_of_their_own(
    priority: int, expected: PriorityClass
) -> None:
    assert priority_class(priority) is expected


def test_urgent_class_sorts_first() -> None:
    assert PriorityClass.URGENT < PriorityClass.ORDINARY


@given(orders=ORDERS, clients=st.integers(1, len(CLIENTS)))
def test_shares_of_clients_who_always_wait_differ_by_at_most_one(
    orders: list[list[str]], clients: int
) -> None:
    waiting_always = CLIENTS[:clients]
    times = VirtualTime()
    shares = Counter(dict.fromkeys(waiting_always, 0))
    for order in orders:
        client = next_client(times, [name for name in order if name in waiting_always])
        times.claim(client)
        shares[client] += 1
        assert max(shares.values()) - min(shares.values()) <= 1


@given(turns=TURNS)
def test_client_that_waits_is_passed_at_most_once_by_each_other(
    turns: list[tuple[list[str], int]],
) -> None:
    times = VirtualTime()
    passed_by: Counter[str] = Counter()
    for order, others in turns:
        waiting = list(dict.fromkeys(["a", *order[:others]]))
        client = next_client(times, [name for name in order if name in waiting])
        times.claim(client)
        passed_by[client] += 1
        if client == "a":
            passed_by.clear()
        # once before the round in which "a" began to wait has ended, and once after it
        assert all(times_passed <= 2 for times_passed in passed_by.values())


@given(claims_before=st.integers(1, 30), claims_after=st.integers(0, 30))
def test_client_that_comes_back_has_no_credit(claims_before: int, claims_after: int) -> None:
    times = VirtualTime()
    times.claim("away")
    for _ in range(claims_before):
        times.claim("busy")
    shares = {"away": 0, "busy": 0}
    for _ in range(claims_after):
        client = next_client(times, ["away", "busy"])
        times.claim(client)
        shares[client] += 1
    # one that "busy" already had when "away" came back, and one by a tie
    assert abs(shares["away"] - shares["busy"]) <= 2


def test_newcomer_waits_for_no_more_than_those_already_there() -> None:
    times = VirtualTime()
    for _ in range(1000):
        times.claim("busy")
    assert times.of("newcomer") <= times.of("busy")


@given(claims=st.lists(st.sampled_from(CLIENTS)))
def test_time_never_runs_backwards(claims: list[str]) -> None:
    times = VirtualTime()
    seen = [times.now]
    for client in claims:
        before = times.of(client)
        times.claim(client)
        assert times.of(client) == before + 1
        seen.append(times.now)
    assert all(earlier <= later for earlier, later in pairwise(seen))


@given(claims=st.lists(st.sampled_from(CLIENTS)))
def test_rows_of_a_table_tell_the_same_times(claims: list[str]) -> None:
    times = VirtualTime()
    rows: dict[str, int] = {}

    def time_in_table(client: str) -> int:
        return max(rows.get(client, 0), max(rows.values(), default=1) - 1)

    for client in claims:
        assert all(time_in_table(name) == times.of(name) for name in CLIENTS)
        times.claim(client)
        rows[client] = time_in_table(client) + 1
