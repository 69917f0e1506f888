"""Some inputs to each door; `just fuzz-doors` sends 100,000."""

import random

import pytest

from tests.fuzz_doors.doors import DOORS, FuzzedDoor
from tests.fuzz_doors.run import fuzz_doors


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_input_fails_hangs_or_leaves_anything_behind() -> None:
    outcome = fuzz_doors(300, seed=1)
    assert outcome.faults == []
    for each in outcome.campaigns:
        assert each.answered > each.count / 2, each.door.name


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_seed_gives_the_same_inputs_and_another_one_others(door: FuzzedDoor) -> None:
    def inputs(seed: int) -> list[object]:
        return [door.make(random.Random(f"{seed} {number}")) for number in range(20)]  # noqa: S311

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)
