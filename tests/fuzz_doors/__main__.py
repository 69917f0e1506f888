"""``just fuzz-doors``: 100,000 inputs to each door; fails with the inputs that found something."""

import argparse
import sys

from tests.fuzz_doors.run import fresh_seed, fuzz_doors, write_results


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="just fuzz-doors", description=__doc__)
    parser.add_argument(
        "--inputs", type=int, default=100_000, help="inputs of each door, over its levels"
    )
    parser.add_argument("--seed", type=int, default=None, help="repeat a campaign")
    chosen = parser.parse_args()
    seed = fresh_seed() if chosen.seed is None else chosen.seed
    outcome = fuzz_doors(chosen.inputs, seed, _tell)
    write_results(outcome, seed)
    for line in (
        f"before: {outcome.before}",
        f"half:   {outcome.halfway}",
        f"after:  {outcome.after}",
        f"seed:   {seed}",
    ):
        _tell(line)
    for fault in outcome.faults:
        _tell(fault)
    return 1 if outcome.faults else 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
