"""How a file is cut into parts, and which of them can leave while it still grows."""

from dataclasses import dataclass
from typing import Final

# More than a cell takes in most files: parts are larger than need be rather than too many.
BYTES_PER_CELL: Final = 32
# An estimate is no promise: this much of the parts there can be is planned for.
PLANNED_SHARE: Final = 0.8

ByteRange = tuple[int, int]
"""First byte and the one behind the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """Parts of ``part_bytes``, numbered from 1; the last one is what is left."""

    part_bytes: int

    def count(self, file_bytes: int) -> int:
        """Give the number of parts of a whole file; an empty file is one empty part."""
        return max(1, -(-file_bytes // self.part_bytes))

    def span(self, number: int, file_bytes: int) -> ByteRange:
        """Give a part's bytes in a file of so many."""
        start = (number - 1) * self.part_bytes
        return start, min(start + self.part_bytes, file_bytes)

    def whole(self, file_bytes: int) -> int:
        """Give the number of parts that a file which grows has filled."""
        return file_bytes // self.part_bytes

    def changes(self, number: int, pending: ByteRange | None) -> bool:
        """Tell whether a part has bytes that are still to be written over."""
        if pending is None:
            return False
        start = (number - 1) * self.part_bytes
        return pending[0] < start + self.part_bytes and start < pending[1]


def plan_parts(
    *, part_bytes: int, min_part_bytes: int, max_parts: int, expected_cells: int
) -> PartPlan:
    """Choose the size of parts: the wished one unless the expected file had too many of them.

    It depends on the request only, so that a restarted attempt cuts its file in the same way.
    """
    needed = expected_cells * BYTES_PER_CELL / (PLANNED_SHARE * max_parts)
    return PartPlan(part_bytes=max(part_bytes, min_part_bytes, int(needed)))


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPolicy:
    """How files get into a storage: see the settings of the same names."""

    prefix: str = "exports"
    upload_while_writing: bool = True
    part_bytes: int = 10 << 20
    multipart_threshold_bytes: int = 100 << 20
    parallel_parts: int = 5
    upload_timeout_seconds: float = 1800.0
    falls_back: bool = False  # to local disk, when an export would fail for good
