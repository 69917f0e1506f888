"""Inputs of `just fuzz-doors` can be made again."""

import random

import pytest

from tests.fuzz_doors.doors import DOORS, FuzzedDoor


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_seed_gives_the_same_inputs_and_another_one_others(door: FuzzedDoor) -> None:
    def inputs(seed: int) -> list[object]:
        return [door.make(random.Random(f"{seed} {number}")) for number in range(20)]

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)
