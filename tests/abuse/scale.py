"""How hard the suite presses: a tenth everywhere, all of it by ``just abuse``."""

import os
from typing import Final

FULL: Final = os.environ.get("ROWFERRY_ABUSE") == "full"


def scaled(full: int) -> int:
    """Give the number for this run."""
    return full if FULL else full // 10
