"""Whatever goes wrong between the service and OSS is a fault that says what helps."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from rowferry.domain.errors import ErrorCode
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.file_span import FileSpan
from rowferry.ports import NewObject
from rowferry.storage import aliyun_oss_connection
from rowferry.storage.aliyun_oss import AliyunOssStorage
from rowferry.storage.aliyun_oss_connection import OssBucket
from rowferry.storage.aliyun_oss_credentials import FixedOssCredentials
from tests.doubles.oss.faults import Fault
from tests.doubles.oss.faults import FaultKind as Failing
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.running import OssDouble

KEY: Final = "exports/0123456789abcdef/1.csv"
CALLS: Final[Mapping[str, Callable[[AliyunOssStorage], object]]] = {
    "head": lambda storage: storage.head(KEY),
    "tags": lambda storage: storage.tags(KEY),
    "set_tags": lambda storage: storage.set_tags(KEY, {"a": "b"}),
    "delete": lambda storage: storage.delete(KEY),
    "open_range": lambda storage: storage.open_range(KEY, 0),
    "objects": lambda storage: list(storage.objects("exports")),
    "health": lambda storage: storage.health(),
    "start": lambda storage: storage.multipart.start(
        NewObject(key=KEY, content_type="text/csv", content_disposition="attachment")
    ),
    "uploads": lambda storage: list(storage.multipart.uploads("exports")),
}


def fault_of(call: Callable[[], object]) -> StorageFault:
    with pytest.raises(StorageFault) as raised:
        call()
    return raised.value


def answered(status: int, code: str) -> Fault:
    return Fault(kind=Failing.ERROR, status=status, code=code)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (answered(503, "ServiceUnavailable"), FaultKind.TRANSIENT),
        (answered(503, "UploadTrafficRateLimitExceeded"), FaultKind.TRANSIENT),
        (answered(500, "InternalError"), FaultKind.TRANSIENT),
        (answered(502, ""), FaultKind.TRANSIENT),
        (answered(429, "TooManyRequests"), FaultKind.TRANSIENT),
        (answered(408, "RequestTimeout"), FaultKind.TRANSIENT),
        (answered(400, "RequestTimeout"), FaultKind.TRANSIENT),
        (answered(400, "IncompleteBody"), FaultKind.TRANSIENT),
        (answered(403, "AccessDenied"), FaultKind.REFUSED),
        (answered(403, "InvalidAccessKeyId"), FaultKind.REFUSED),
        (answered(403, "SignatureDoesNotMatch"), FaultKind.REFUSED),
        (answered(403, "SecurityTokenExpired"), FaultKind.REFUSED),
        (answered(403, "UserDisable"), FaultKind.REFUSED),
        (answered(400, "PublicEndpointForbidden"), FaultKind.REFUSED),
        (answered(403, "RequestTimeTooSkewed"), FaultKind.CLOCK_SKEWED),
        (Fault(kind=Failing.RESET_BEFORE), FaultKind.TRANSIENT),
        (Fault(kind=Failing.RESET_IN_BODY, after_bytes=300_000), FaultKind.TRANSIENT),
        (Fault(kind=Failing.LOST_ANSWER), FaultKind.TRANSIENT),
    ],
)
def test_part_that_fails_says_why_and_can_be_sent_again(
    storage: AliyunOssStorage,
    oss_double: OssDouble,
    new: NewObject,
    source: FileSpan,
    fault: Fault,
    kind: FaultKind,
) -> None:
    upload = storage.multipart.start(new)
    oss_double.fail(replace(fault, operation=Operation.PUT_PART))
    failed = fault_of(lambda: storage.multipart.put_part(upload, 1, source))
    assert failed.kind is kind
    is_answered = fault.kind is Failing.ERROR
    assert failed.reason == ((fault.code or f"HTTP {fault.status}") if is_answered else "")
    assert failed.code is ErrorCode.STORAGE_UNAVAILABLE
    part = storage.multipart.put_part(upload, 1, source)
    storage.multipart.complete(upload, [part])
    stored = storage.head(new.key)
    assert stored is not None
    assert stored.crc64 == source.crc64


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_every_call_tells_that_the_bucket_is_gone(
    storage: AliyunOssStorage, oss_double: OssDouble, call: Callable[[AliyunOssStorage], object]
) -> None:
    oss_double.lose_bucket()
    try:
        failed = fault_of(lambda: call(storage))
    finally:
        oss_double.lose_bucket(gone=False)
    assert (failed.kind, failed.reason) == (FaultKind.REFUSED, "NoSuchBucket")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_every_call_tells_that_nothing_answers(
    bucket: OssBucket,
    keys: FixedOssCredentials,
    call: Callable[[AliyunOssStorage], object],
) -> None:
    storage = AliyunOssStorage(replace(bucket, endpoint_url="http://127.0.0.1:1"), keys)
    failed = fault_of(lambda: call(storage))
    assert (failed.kind, failed.reason) == (FaultKind.TRANSIENT, "")


def test_storage_that_says_nothing_is_left_after_the_read_timeout(
    bucket: OssBucket,
    keys: FixedOssCredentials,
    oss_double: OssDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aliyun_oss_connection, "READ_SECONDS", 0.1)
    storage = AliyunOssStorage(bucket, keys)
    oss_double.fail(Fault(kind=Failing.HANG, operation=Operation.HEAD))
    assert fault_of(lambda: storage.head(KEY)).kind is FaultKind.TRANSIENT


def test_clock_that_is_an_hour_off_is_told(
    storage: AliyunOssStorage, oss_double: OssDouble
) -> None:
    oss_double.move_clock(3600)
    failed = fault_of(lambda: storage.head(KEY))
    assert (failed.kind, failed.reason) == (FaultKind.CLOCK_SKEWED, "RequestTimeTooSkewed")


def test_wrong_secret_is_refused_and_nothing_secret_is_told(
    bucket: OssBucket, oss_double: OssDouble
) -> None:
    keys = FixedOssCredentials(oss_double.access_key_id, "open-sesame", "the-token")
    storage = AliyunOssStorage(bucket, keys)
    failed = fault_of(lambda: list(storage.objects("exports")))
    assert failed.kind is FaultKind.REFUSED
    assert failed.context["storage_request"]
    told = "".join(traceback.format_exception(failed)) + str(failed.context)
    assert "sesame" not in told
    assert "the-token" not in told


@pytest.mark.parametrize("failing", [Failing.WRONG_CRC, Failing.DAMAGED_ON_THE_WAY])
def test_damaged_file_is_taken_back_so_that_it_can_be_sent_again(
    storage: AliyunOssStorage,
    oss_double: OssDouble,
    new: NewObject,
    file: Path,
    failing: Failing,
) -> None:
    oss_double.fail(Fault(kind=failing, operation=Operation.PUT))
    failed = fault_of(lambda: storage.put(str(file), new))
    assert (failed.kind, failed.code) == (FaultKind.TRANSIENT, ErrorCode.UPLOAD_FAILED)
    assert storage.head(new.key) is None
    storage.put(str(file), new)
    assert storage.open_range(new.key, 0).read(file.stat().st_size) == file.read_bytes()


@pytest.mark.parametrize("failing", [Failing.WRONG_CRC, Failing.DAMAGED_ON_THE_WAY])
def test_damaged_part_is_to_be_sent_again(
    storage: AliyunOssStorage,
    oss_double: OssDouble,
    new: NewObject,
    source: FileSpan,
    failing: Failing,
) -> None:
    upload = storage.multipart.start(new)
    oss_double.fail(Fault(kind=failing, operation=Operation.PUT_PART))
    failed = fault_of(lambda: storage.multipart.put_part(upload, 1, source))
    assert (failed.kind, failed.code) == (FaultKind.TRANSIENT, ErrorCode.UPLOAD_FAILED)


def test_damage_on_the_storages_disk_shows_in_the_objects_checksum(
    storage: AliyunOssStorage, oss_double: OssDouble, new: NewObject, source: FileSpan
) -> None:
    upload = storage.multipart.start(new)
    oss_double.fail(Fault(kind=Failing.DAMAGED_ON_DISK, operation=Operation.PUT_PART))
    part = storage.multipart.put_part(upload, 1, source)
    storage.multipart.complete(upload, [part])
    stored = storage.head(new.key)
    assert stored is not None
    assert stored.crc64 != source.crc64


def test_part_that_the_storage_lost_is_missed_at_the_end(
    storage: AliyunOssStorage, oss_double: OssDouble, new: NewObject, source: FileSpan
) -> None:
    upload = storage.multipart.start(new)
    oss_double.fail(Fault(kind=Failing.LOSE_PART))
    part = storage.multipart.put_part(upload, 1, source)
    failed = fault_of(lambda: storage.multipart.complete(upload, [part]))
    assert (failed.kind, failed.code) == (FaultKind.PART_LOST, ErrorCode.UPLOAD_FAILED)
    assert storage.multipart.parts(upload) == []
    assert storage.head(new.key) is None


def test_completion_whose_answer_is_lost_has_happened(
    storage: AliyunOssStorage, oss_double: OssDouble, new: NewObject, source: FileSpan
) -> None:
    upload = storage.multipart.start(new)
    part = storage.multipart.put_part(upload, 1, source)
    oss_double.fail(Fault(kind=Failing.LOST_ANSWER, operation=Operation.COMPLETE))
    first = fault_of(lambda: storage.multipart.complete(upload, [part]))
    again = fault_of(lambda: storage.multipart.complete(upload, [part]))
    assert (first.kind, again.kind) == (FaultKind.TRANSIENT, FaultKind.UPLOAD_GONE)
    stored = storage.head(new.key)
    assert stored is not None
    assert (stored.size_bytes, stored.crc64) == (len(source), source.crc64)


def test_object_is_never_written_over(
    storage: AliyunOssStorage, new: NewObject, file: Path, source: FileSpan
) -> None:
    upload = storage.multipart.start(new)
    part = storage.multipart.put_part(upload, 1, source)
    storage.put(str(file), new)
    for call in (
        lambda: storage.put(str(file), new),
        lambda: storage.multipart.complete(upload, [part]),
    ):
        failed = fault_of(call)
        assert (failed.kind, failed.reason) == (FaultKind.ALREADY_THERE, "FileAlreadyExists")


def test_download_that_breaks_off_is_told(
    storage: AliyunOssStorage, oss_double: OssDouble, new: NewObject, file: Path
) -> None:
    storage.put(str(file), new)
    reset = Fault(kind=Failing.RESET_IN_BODY, operation=Operation.GET, after_bytes=100_000)
    oss_double.fail(reset)

    def read_all() -> None:
        stream = storage.open_range(new.key, 0)
        while stream.read(65_536):
            pass

    assert fault_of(read_all).kind is FaultKind.TRANSIENT


def test_upload_that_is_stopped_meanwhile_ends_at_the_next_block(
    storage: AliyunOssStorage, new: NewObject, source: FileSpan
) -> None:
    upload = storage.multipart.start(new)
    source.stop()
    assert fault_of(lambda: storage.multipart.put_part(upload, 1, source)).kind is (
        FaultKind.TRANSIENT
    )


def test_tag_that_no_storage_takes_is_refused(
    storage: AliyunOssStorage, new: NewObject, file: Path
) -> None:
    storage.put(str(file), new)
    assert fault_of(lambda: storage.set_tags(new.key, {"a": "x" * 300})).kind is FaultKind.REFUSED


def test_head_without_a_code_is_an_object_that_is_not_there(
    storage: AliyunOssStorage, oss_double: OssDouble
) -> None:
    oss_double.fail(Fault(kind=Failing.ERROR, operation=Operation.HEAD, status=404, code=""))
    assert storage.head(KEY) is None
