"""Disks are kept from filling up, without asking the system at every write."""

import math
from pathlib import Path

import pytest

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.free_space import LOOK_BYTES, LOOK_SECONDS, FreeSpace, disk_free_bytes

MIN_FREE = 1000


class Disk:
    """A disk whose free bytes are known, and how often it was asked for them."""

    def __init__(self) -> None:
        self.free_bytes = 1e12
        self.looks = 0
        self.time = 0.0

    def free(self, _: Path) -> float:
        self.looks += 1
        return self.free_bytes

    def now(self) -> float:
        return self.time


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def space(disk: Disk) -> FreeSpace:
    return FreeSpace(Path("/"), MIN_FREE, free_bytes=disk.free, now=disk.now)


def _is_refused(space: FreeSpace, size_bytes: int) -> bool:
    try:
        space.check(size_bytes)
    except RowferryError:
        return True
    return False


def test_what_would_leave_too_little_is_refused(disk: Disk, space: FreeSpace) -> None:
    disk.free_bytes = MIN_FREE + 100
    assert not _is_refused(space, 100)
    assert _is_refused(space, 101)


def test_refusal_names_the_bound(disk: Disk, space: FreeSpace) -> None:
    disk.free_bytes = 0
    with pytest.raises(RowferryError) as caught:
        space.check(1)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert caught.value.context == {"min_free_bytes": str(MIN_FREE)}


def test_disk_is_asked_once_for_many_writes(disk: Disk, space: FreeSpace) -> None:
    for _ in range(64):
        space.check(LOOK_BYTES // 64)
    assert disk.looks == 1
    space.check(1)
    assert disk.looks == 2


def test_use_by_others_is_seen_in_time(disk: Disk, space: FreeSpace) -> None:
    space.check(1)
    disk.free_bytes = 0
    assert not _is_refused(space, 1)
    disk.time = LOOK_SECONDS
    assert _is_refused(space, 1)


def test_own_writes_are_counted_between_two_looks(disk: Disk, space: FreeSpace) -> None:
    disk.free_bytes = MIN_FREE + 100
    space.check(60)
    disk.free_bytes -= 60
    assert _is_refused(space, 60)
    assert disk.looks == 2


def test_room_that_was_made_is_seen_at_once(disk: Disk, space: FreeSpace) -> None:
    disk.free_bytes = 0
    assert _is_refused(space, 1)
    disk.free_bytes = 1e12
    assert not _is_refused(space, 1)


def test_disk_that_tells_nothing_refuses_nothing(disk: Disk, space: FreeSpace) -> None:
    disk.free_bytes = math.nan
    assert not _is_refused(space, 5)


def test_without_a_bound_nobody_asks(disk: Disk) -> None:
    FreeSpace(Path("/"), 0, free_bytes=disk.free, now=disk.now).check(10**18)
    assert disk.looks == 0


def test_free_room_is_a_number_where_there_is_a_disk_and_unknown_elsewhere() -> None:
    assert disk_free_bytes("/") >= 0
    assert math.isnan(disk_free_bytes("/not/there"))
