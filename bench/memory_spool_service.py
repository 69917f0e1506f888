"""The service with its logs of rows in memory: what the spool on disk is compared with.

No setting does this: rows that are acknowledged would not survive.
"""

import os
import sys
from pathlib import Path

from rowferry import data_directory, service
from rowferry.config_loading import load
from rowferry.free_space import FreeSpace
from rowferry.spool.memory import MemorySpool
from rowferry.spool.room import SpoolLimits


def _memory_spool(_directory: Path, limits: SpoolLimits, _free_space: FreeSpace) -> MemorySpool:
    return MemorySpool(limits)


if __name__ == "__main__":
    data_directory.DiskSpool = _memory_spool  # type: ignore[attr-defined,assignment]
    sys.exit(service.run(load(None, os.environ)))
