"""A short campaign against a real service: nothing a peer sends is answered by a defect."""

import pytest

from tests.abuse.scale import scaled
from tests.fuzz_doors.run import fuzz_doors

INPUTS = 8_000
SEED = 1  # the same inputs each time: new ones are for `just fuzz-doors`


@pytest.mark.abuse
@pytest.mark.timeout(300)
def test_no_input_finds_a_defect_or_leaves_anything_behind() -> None:
    outcome = fuzz_doors(scaled(INPUTS), SEED, print)
    assert outcome.faults == []
    assert sum(each.done for each in outcome.campaigns) == 4 * scaled(INPUTS)
    unheard = [each.door.name for each in outcome.campaigns if each.answered < each.count // 2]
    assert not unheard, "most inputs of these doors got no answer"
