from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.multipart import PartPlan, plan_parts

MIB = 2**20


@given(part_bytes=st.integers(1, 100), file_bytes=st.integers(0, 5000))
def test_parts_cover_the_file_in_order_and_without_gaps(part_bytes: int, file_bytes: int) -> None:
    plan = PartPlan(part_bytes=part_bytes)
    spans = [plan.span(n, file_bytes) for n in range(1, plan.count(file_bytes) + 1)]
    assert spans[0][0] == 0
    assert spans[-1][1] == file_bytes
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert all(end - start == part_bytes for start, end in spans[:-1])


@given(
    part_bytes=st.integers(1, 50),
    number=st.integers(1, 40),
    pending=st.tuples(st.integers(0, 500), st.integers(1, 100)),
)
def test_part_changes_just_when_one_of_its_bytes_does(
    part_bytes: int, number: int, pending: tuple[int, int]
) -> None:
    first, length = pending
    own = range((number - 1) * part_bytes, number * part_bytes)
    changed = range(first, first + length)
    plan = PartPlan(part_bytes=part_bytes)
    assert plan.changes(number, (first, first + length)) == bool(set(own) & set(changed))


def test_nothing_changes_in_a_file_without_pending_bytes() -> None:
    assert not PartPlan(part_bytes=10).changes(1, None)


def test_parts_have_the_wished_size_unless_the_storage_asks_for_more() -> None:
    wished = plan_parts(
        part_bytes=10 * MIB, min_part_bytes=100, max_parts=10_000, expected_cells=0
    )
    smallest = plan_parts(part_bytes=MIB, min_part_bytes=5 * MIB, max_parts=10, expected_cells=0)
    assert (wished.part_bytes, smallest.part_bytes) == (10 * MIB, 5 * MIB)


def test_expected_file_of_too_many_parts_gets_larger_ones() -> None:
    cells = 1_000_000_000 * 12
    plan = plan_parts(
        part_bytes=10 * MIB, min_part_bytes=1, max_parts=10_000, expected_cells=cells
    )
    assert plan.part_bytes > 10 * MIB
    assert plan.count(cells * 32) <= 8001
