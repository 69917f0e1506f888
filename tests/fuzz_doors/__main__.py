"""``just fuzz-doors``: 100,000 inputs to each door; fails with the inputs that found something."""

import argparse
import sys

from tests.fuzz_doors.run import fresh_seed, fuzz_doors, write_results


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="just fuzz-doors", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs of each door")
    parser.add_argument("--seed", type=int, default=None, help="repeat a campaign")
    chosen = parser.parse_args()
    seed = fresh_seed() if chosen.seed is None else chosen.seed
    outcome = fuzz_doors(chosen.inputs, seed)
    write_results(outcome, seed)
    lines = [
        f"{each.door.name}: {each.count} inputs, {each.answered} answered, {each.seconds:.0f} s"
        for each in outcome.campaigns
    ]
    lines += [f"before: {outcome.before}", f"after:  {outcome.after}", f"seed:   {seed}"]
    sys.stdout.write("\n".join([*lines, *outcome.faults, ""]))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
