"""How the log hears of callers who are kept out."""

from rowferry.access.refusals import MAX_ADDRESSES, QUIET_SECONDS, KeptOutError, Reason, Refusals
from rowferry.domain.access import Credentials, Door
from rowferry.domain.events import AccessRefused
from tests.unit.export.in_memory import EventNotes


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def report(refusals: Refusals, host: str) -> None:
    shown = Credentials(address=f"{host}:1")
    refusals.report(Door.GRPC, shown, KeptOutError(Reason.NOTHING_SHOWN))


def test_the_next_line_says_how_many_had_none() -> None:
    notes, clock = EventNotes(), Clock()
    refusals = Refusals(notes, clock)
    for _ in range(4):
        report(refusals, "10.0.0.1")
    clock.seconds = QUIET_SECONDS
    report(refusals, "10.0.0.1")
    assert [event.not_logged for event in notes.of(AccessRefused)] == [0, 3]


def test_no_more_addresses_are_remembered_than_there_is_room_for() -> None:
    notes = EventNotes()
    refusals = Refusals(notes, Clock())
    first, *others = [f"10.0.{n // 250}.{n % 250}" for n in range(MAX_ADDRESSES + 1)]
    for host in (first, *others, first):
        report(refusals, host)
    assert len(notes.of(AccessRefused)) == MAX_ADDRESSES + 2
