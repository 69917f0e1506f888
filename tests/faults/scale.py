"""How much of the suite is run: a short form everywhere, the full one by ``just faults``."""

import os
from typing import Final

FULL: Final = os.environ.get("ROWFERRY_FAULTS") == "full"


def scaled(*, short: int, full: int) -> int:
    """Give the number for this run."""
    return full if FULL else short
