from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.batch import Ack, AckRule


def _ack(sequence: int) -> Ack:
    return Ack(batch_sequence=sequence, rows=10 * sequence, payload_bytes=100 * sequence)


def test_nothing_is_owed_before_the_first_batch() -> None:
    rule = AckRule(ack_every=1)
    assert not rule.pending
    assert not rule.due
    assert rule.take() is None


def test_every_batch_is_due_when_each_is_asked_for() -> None:
    rule = AckRule(ack_every=1)
    rule.appended(_ack(1))
    assert rule.due
    assert rule.take() == _ack(1)
    assert not rule.pending


def test_ack_waits_for_its_number_of_batches() -> None:
    rule = AckRule(ack_every=3)
    rule.appended(_ack(2))
    assert (rule.pending, rule.due) == (True, False)
    rule.appended(_ack(3))
    assert (rule.pending, rule.due) == (True, True)


def test_newest_ack_speaks_for_the_older_ones() -> None:
    rule = AckRule(ack_every=1)
    for sequence in (1, 2, 7):
        rule.appended(_ack(sequence))
    assert rule.take() == _ack(7)
    assert rule.take() is None


def test_ack_taken_early_starts_the_count_again() -> None:
    rule = AckRule(ack_every=3)
    rule.appended(_ack(2))
    assert rule.take() == _ack(2)
    rule.appended(_ack(4))
    assert not rule.due
    rule.appended(_ack(5))
    assert rule.due


def test_resumed_stream_counts_from_where_it_went_on() -> None:
    rule = AckRule(ack_every=2, last_sequence=10)
    rule.appended(_ack(11))
    assert not rule.due
    rule.appended(_ack(12))
    assert rule.due


def test_batch_that_came_again_is_pending_though_not_due() -> None:
    rule = AckRule(ack_every=1, last_sequence=5)
    rule.appended(_ack(5))
    assert (rule.pending, rule.due) == (True, False)
    assert rule.take() == _ack(5)


@given(ack_every=st.integers(1, 20), jumps=st.lists(st.integers(1, 5), max_size=50))
def test_no_more_than_ack_every_batches_ever_wait(ack_every: int, jumps: list[int]) -> None:
    rule = AckRule(ack_every)
    sequence = acked = 0
    for jump in jumps:
        sequence += jump
        rule.appended(_ack(sequence))
        if rule.due:
            ack = rule.take()
            assert ack is not None
            acked = ack.batch_sequence
        assert sequence - acked < ack_every
