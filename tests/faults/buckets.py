"""A bucket in the OSS double: what a service needs to use it, and what may be in it at the end."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rowferry.v1 import export_pb2 as pb
from tests.doubles.oss.running import OssDouble
from tests.doubles.oss.snapshot import ObjectSnapshot, Snapshot

PREFIX: Final = "exports"
PART_BYTES: Final = 100 << 10  # the least that OSS takes: a small file has many parts
SETTLED_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.02
# How far the double's clock may be off without a complaint, and nearly all of what the sweep
# leaves alone: what is started now is an orphan some seconds later.
CLOCK_OFFSET_SECONDS: Final = -898.0
SWEPT_SECONDS: Final = 4.0


def bucket_settings(double: OssDouble, **changes: object) -> dict[str, object]:
    """Give the settings of a service that stores files in the bucket, in parts, and retries soon.

    ``changes`` are of the group ``oss``.
    """
    oss = {
        "endpoint": double.endpoint,
        "region": double.region,
        "bucket": double.bucket,
        "access_key_id": double.access_key_id,
        "access_key_secret": double.access_key_secret,
        "prefix": PREFIX,
        "part_bytes": PART_BYTES,
        "multipart_threshold_bytes": PART_BYTES,
        **changes,
    }
    return {
        **{f"oss.{name}": value for name, value in oss.items()},
        "storage.backend": "oss",
        "retry.base_seconds": 0.1,
        "retry.cap_seconds": 0.5,
        "lease.seconds": 1,
        "lease.heartbeat_seconds": 0.3,
        "logging.level": "debug",
    }


def stored(snapshot: Snapshot) -> Mapping[str, ObjectSnapshot]:
    """Give the exported files in the bucket by their keys."""
    return {found.key: found for found in snapshot.objects if found.key.count("/") > 1}


def wait_for_a_fault(double: OssDouble) -> None:
    """Wait until a request goes wrong."""
    _wait_for(lambda: sum(double.snapshot().faults_fired.values()) > 0, "no request went wrong")


def wait_for_a_part(double: OssDouble) -> None:
    """Wait until an upload has a part."""
    _wait_for(lambda: any(u.part_bytes for u in double.snapshot().uploads), "no part is stored")


def wait_until_only(double: OssDouble, keys: set[str]) -> None:
    """Wait until the bucket has these files and nothing else; raise AssertionError."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while (left := _left_over(double, keys)) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    assert left == [], "the bucket is not as it should be"


def _wait_for(has_come: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SETTLED_SECONDS
    while not has_come():
        assert time.monotonic() < deadline, otherwise
        time.sleep(LOOK_SECONDS)


def assert_tagged(found: ObjectSnapshot, state: pb.TaskStatus) -> None:
    """Hold an object's tags to its task and file."""
    tags = (found.tags.get("rowferry-task"), found.tags.get("rowferry-sha256"))
    assert tags == (state.task_id, state.checksum_sha256)


def _left_over(double: OssDouble, keys: set[str]) -> list[str]:
    snapshot = double.snapshot()
    uploads = [f"upload of {upload.key}" for upload in snapshot.uploads]
    wrong = stored(snapshot).keys() ^ keys
    return [*uploads, *sorted(wrong)]


@contextmanager
def watched(double: OssDouble) -> Iterator[dict[str, set[tuple[int, str]]]]:
    """Note the sizes and CRCs of all objects that are to be seen while the block runs."""
    seen: dict[str, set[tuple[int, str]]] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            for key, found in stored(double.snapshot()).items():
                seen.setdefault(key, set()).add((found.size_bytes, found.crc64))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()
