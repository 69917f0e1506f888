"""What goes wrong on order, as a client sees it, and what is left in the double."""

import time
from typing import Any, Final

import oss2
import pytest

from tests.doubles.oss.crc64 import extended
from tests.doubles.oss.faults import Fault, FaultKind
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.running import OssDouble
from tests.integration.oss_double.conftest import BucketOf

CONTENT: Final = b"id,name\n" * 50_000
CRC: Final = extended(0, CONTENT)


def keys(double: OssDouble) -> list[str]:
    return [stored.key for stored in double.snapshot().objects]


@pytest.mark.parametrize("status", [500, 503, 429])
@pytest.mark.parametrize("code", ["InternalError", ""])
def test_an_error_is_answered_with_a_document_or_without_and_nothing_is_done(
    status: int, code: str, bucket: Any, oss_double: OssDouble
) -> None:
    oss_double.fail(Fault(kind=FaultKind.ERROR, operation=Operation.PUT, status=status, code=code))

    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket.put_object("a", CONTENT)

    assert (refused.value.status, refused.value.code) == (status, code)
    assert keys(oss_double) == []
    assert bucket.put_object("a", CONTENT).status == 200


def test_an_error_after_the_work_hides_that_it_was_done(
    bucket: Any, oss_double: OssDouble
) -> None:
    oss_double.fail(
        Fault(kind=FaultKind.ERROR, operation=Operation.PUT, after_work=True, status=500)
    )

    with pytest.raises(oss2.exceptions.ServerError):
        bucket.put_object("a", CONTENT)

    assert keys(oss_double) == ["a"]


@pytest.mark.parametrize(
    ("fault", "stored"),
    [
        pytest.param(Fault(kind=FaultKind.RESET_BEFORE), [], id="before"),
        pytest.param(Fault(kind=FaultKind.RESET_IN_BODY, after_bytes=200_000), [], id="in"),
        pytest.param(
            Fault(kind=FaultKind.RESET_IN_BODY, after_bytes=1 << 30), [], id="at its end"
        ),
        pytest.param(Fault(kind=FaultKind.LOST_ANSWER), ["a"], id="after"),
    ],
)
def test_a_connection_is_reset_before_in_or_after_the_body(
    fault: Fault, stored: list[str], bucket: Any, oss_double: OssDouble
) -> None:
    oss_double.fail(fault)

    with pytest.raises(oss2.exceptions.RequestError):
        bucket.put_object("a", CONTENT)

    left = oss_double.snapshot()
    assert [found.key for found in left.objects] == stored
    assert left.stored_files == len(stored)
    assert [request.status for request in left.requests] == [0]


def test_an_answer_is_cut_in_its_body(bucket: Any, oss_double: OssDouble) -> None:
    bucket.put_object("a", CONTENT)
    fault = Fault(kind=FaultKind.RESET_IN_BODY, operation=Operation.GET, after_bytes=100_000)
    oss_double.fail(fault)

    answer = bucket.get_object("a")

    assert answer.content_length == len(CONTENT)
    with pytest.raises(Exception, match=r"(?i)connection"):
        answer.read()


def test_an_answer_comes_late(bucket: Any, oss_double: OssDouble) -> None:
    oss_double.fail(Fault(kind=FaultKind.DELAY, operation=Operation.PUT, seconds=0.2))

    began = time.monotonic()
    bucket.put_object("a", CONTENT)

    assert time.monotonic() - began >= 0.2
    assert keys(oss_double) == ["a"]


def test_a_body_is_read_slowly(bucket: Any, oss_double: OssDouble) -> None:
    oss_double.fail(Fault(kind=FaultKind.SLOW_BODY, bytes_per_second=2_000_000))

    began = time.monotonic()
    answer = bucket.put_object("a", CONTENT)

    assert time.monotonic() - began >= len(CONTENT) / 2_000_000
    assert answer.crc == CRC


def test_a_request_hangs_until_the_fault_is_taken_back(
    bucket: Any, bucket_of: BucketOf, oss_double: OssDouble
) -> None:
    oss_double.fail(Fault(kind=FaultKind.HANG, count=0))
    impatient = bucket_of(connect_timeout=(5, 0.2))

    with pytest.raises(oss2.exceptions.RequestError, match="timed out"):
        impatient.put_object("a", CONTENT)

    oss_double.heal()
    assert bucket.put_object("a", CONTENT).status == 200


def test_a_request_is_worked_on_once_the_fault_is_taken_back_though_its_client_is_gone(
    bucket: Any, bucket_of: BucketOf, oss_double: OssDouble
) -> None:
    oss_double.fail(Fault(kind=FaultKind.HOLD, operation=Operation.PUT))
    impatient = bucket_of(connect_timeout=(5, 0.2))
    with pytest.raises(oss2.exceptions.RequestError, match="timed out"):
        impatient.put_object("a", CONTENT)
    assert keys(oss_double) == []

    oss_double.heal()

    deadline = time.monotonic() + 10
    while not keys(oss_double):
        assert time.monotonic() < deadline, "the work is not done"
    assert bucket.head_object("a").server_crc == CRC


def test_a_lost_part_is_missed_by_complete(bucket: Any, oss_double: OssDouble) -> None:
    upload_id = bucket.init_multipart_upload("a").upload_id
    oss_double.fail(Fault(kind=FaultKind.LOSE_PART, operation=Operation.PUT_PART, skip=1))
    sent = [
        oss2.models.PartInfo(n, bucket.upload_part("a", upload_id, n, CONTENT).etag)
        for n in (1, 2)
    ]

    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket.complete_multipart_upload("a", upload_id, sent)
    assert (refused.value.status, refused.value.code) == (400, "InvalidPart")

    (upload,) = oss_double.snapshot().uploads
    assert upload.part_bytes == {1: len(CONTENT)}
    bucket.upload_part("a", upload_id, 2, CONTENT)
    bucket.complete_multipart_upload("a", upload_id, sent)
    assert bucket.head_object("a").server_crc == extended(0, CONTENT + CONTENT)


def test_an_answer_tells_a_wrong_crc(bucket: Any, oss_double: OssDouble) -> None:
    oss_double.fail(Fault(kind=FaultKind.WRONG_CRC))

    assert bucket.put_object("a", CONTENT).crc != CRC
    assert bucket.head_object("a").server_crc == CRC


def test_bytes_damaged_on_the_way_are_told_by_the_answer(
    bucket: Any, oss_double: OssDouble
) -> None:
    oss_double.fail(Fault(kind=FaultKind.DAMAGED_ON_THE_WAY))

    answer = bucket.put_object("a", CONTENT)

    damaged = bucket.get_object("a").read()
    assert damaged != CONTENT
    assert answer.crc == extended(0, damaged) != CRC


def test_bytes_damaged_on_disk_are_told_by_the_object_alone(
    bucket: Any, oss_double: OssDouble
) -> None:
    oss_double.fail(Fault(kind=FaultKind.DAMAGED_ON_DISK))

    answer = bucket.put_object("a", CONTENT)

    damaged = bucket.get_object("a").read()
    assert answer.crc == CRC
    assert bucket.head_object("a").server_crc == extended(0, damaged) != CRC


def test_a_bucket_goes_and_comes_back(bucket: Any, oss_double: OssDouble) -> None:
    bucket.put_object("a", CONTENT)
    oss_double.lose_bucket()

    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.head_object("a")

    oss_double.lose_bucket(gone=False)
    assert bucket.head_object("a").content_length == len(CONTENT)


def test_an_endpoint_that_is_down_refuses_connections_and_comes_back(
    bucket: Any, oss_double: OssDouble
) -> None:
    bucket.put_object("a", CONTENT)

    with oss_double.down(), pytest.raises(oss2.exceptions.RequestError):
        bucket.head_object("a")

    assert bucket.head_object("a").content_length == len(CONTENT)
