"""What a program printed of a file, line by line."""

import json
from pathlib import Path
from typing import Any


def printed_lines(folder: Path, path: Path) -> list[list[Any]]:
    """Give the JSON arrays that were printed of ``path`` into ``folder``."""
    with (folder / f"{path.stem}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
