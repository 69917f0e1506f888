"""Clients that nobody here wrote take the double for OSS, with signatures of both versions."""

import hashlib
from typing import Final

import pytest

from tests.doubles.oss.running import OssDouble
from tests.integration.oss_double.round_trips import ROUND_TRIPS, RoundTrip

# Installing and building is part of the first.
pytestmark = pytest.mark.timeout(600)

CONTENT: Final = "id,名称\n1,甲\n"
PART_SIZES: Final = (120_000, 120_000, 120_000, 120_000, 1000)
BIG_CONTENT: Final = b"".join(bytes([n]) * size for n, size in enumerate(PART_SIZES, 1))
DISPOSITION: Final = (
    "attachment; filename=\"report.xlsx\"; filename*=UTF-8''%E6%8A%A5%E8%A1%A8%20%F0%9F%93%8A.xlsx"
)
EXPECTED: Final = {
    "put_etag": hashlib.md5(CONTENT.encode(), usedforsecurity=False).hexdigest().upper(),
    "content": CONTENT,
    "range": "名称",
    "size": len(CONTENT.encode()),
    "content_type": "text/csv; charset=utf-8",
    "meta": "rowferry",
    "tags": {"rowferry-task": "a1", "team": "data ops+1"},
    "tags_after_delete": {},
    "listed_parts": [[number, size] for number, size in enumerate(PART_SIZES, 1)],
    "visible_before_complete": False,
    "open_uploads": ["exports/big.xlsx"],
    "sha256": hashlib.sha256(BIG_CONTENT).hexdigest(),
    "stored_disposition": DISPOSITION,
    "completed_again": "NoSuchUpload",
    "small_part": "EntityTooSmall",
    "missing_part": "InvalidPart",
    "aborted_again": "NoSuchUpload",
    "uploads_after_abort": [],
    "signed_status": 200,
    "signed_disposition": DISPOSITION,
    "signed_content": CONTENT,
    "altered_status": 403,
    "overwritten": "FileAlreadyExists",
    "no_key": "NoSuchKey",
    "no_key_head": "NoSuchKey",
    "no_bucket": "NoSuchBucket",
    "wrong_secret": "SignatureDoesNotMatch",
    "unknown_key_id": "InvalidAccessKeyId",
    "keys": ["exports/big.xlsx", "exports/报表 2026+1.csv"],
    "exists_after_delete": False,
}


@pytest.mark.parametrize("version", ["v4", "v1"])
@pytest.mark.parametrize("trip", ROUND_TRIPS, ids=lambda trip: trip.name)
def test_an_sdk_makes_its_round_trip(trip: RoundTrip, version: str, oss_double: OssDouble) -> None:
    report = trip.run(oss_double, version)

    # The other SDKs sort the parts themselves.
    assert report.pop("wrong_order", "InvalidPartOrder") == "InvalidPartOrder"
    assert report == EXPECTED
    left = oss_double.snapshot()
    assert (left.objects, left.uploads, left.stored_files) == ([], [], 0)
