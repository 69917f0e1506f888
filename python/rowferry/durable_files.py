"""Files and names that survive a loss of power once the call is back (fsync(2)): blocking."""

import os
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Write a file; its name is durable with ``sync_folder``."""
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
