"""S3 against a server that checks signatures: what the contract of all storages can't ask."""

import hashlib
import http.client
import signal
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from rowferry.domain.errors import ErrorCode
from rowferry.domain.naming import content_disposition
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.file_span import FileSpan
from rowferry.ports import NewObject
from rowferry.storage.s3 import S3Storage
from rowferry.storage.s3_connection import S3Bucket
from tests.servers.seaweedfs import READER_KEY_ID, SeaweedServer

MIB: Final = 1 << 20


class Zeros:
    """A part of zeros that nobody holds; ``on_read`` sees how much has been given."""

    def __init__(self, size_bytes: int, on_read: Callable[[int], None] = lambda _: None) -> None:
        self._size_bytes = size_bytes
        self._on_read = on_read
        self.given_bytes = 0
        self.left_bytes = size_bytes
        self.crc64 = 0

    def __len__(self) -> int:
        return self._size_bytes

    def read(self, size: int = -1, /) -> bytes:
        self._on_read(self.given_bytes)
        block = bytes(self.left_bytes if size < 0 else min(size, self.left_bytes))
        self.left_bytes -= len(block)
        self.given_bytes += len(block)
        return block

    def rewind(self) -> None:
        self.left_bytes = self._size_bytes


class OtherBytesEachTime(Zeros):
    """A part that changes between its checksum and its way."""

    turns = 0

    def rewind(self) -> None:
        super().rewind()
        self.turns += 1

    def read(self, size: int = -1, /) -> bytes:
        return super().read(size).replace(b"\0", b"%d" % self.turns)


def put_refusal(storage: S3Storage, path: Path, new: NewObject) -> StorageFault:
    path.write_bytes(b"rows")
    with pytest.raises(StorageFault) as refusal:
        storage.put(str(path), new)
    return refusal.value


def test_part_that_changed_on_its_way_is_refused_and_sent_again(
    storage: S3Storage, new: NewObject
) -> None:
    upload = storage.multipart.start(new)
    with pytest.raises(StorageFault) as refusal:
        storage.multipart.put_part(upload, 1, OtherBytesEachTime(3 * MIB))
    assert refusal.value.kind is FaultKind.TRANSIENT
    assert (refusal.value.code, refusal.value.reason) == (ErrorCode.UPLOAD_FAILED, "BadDigest")
    part = storage.multipart.put_part(upload, 1, Zeros(3 * MIB))
    storage.multipart.complete(upload, [part])
    stored = storage.head(new.key)
    assert stored is not None
    assert stored.size_bytes == 3 * MIB


def test_part_is_never_held_whole(storage: S3Storage, new: NewObject) -> None:
    upload = storage.multipart.start(new)
    storage.multipart.put_part(upload, 1, Zeros(1 * MIB))  # what is imported and made once
    tracemalloc.start()
    try:
        storage.multipart.put_part(upload, 2, Zeros(32 * MIB))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2 * MIB


def test_part_from_a_file_is_told_from_others(
    storage: S3Storage, new: NewObject, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(bytes(5 * MIB) + b"x" * 5 * MIB)
    first = FileSpan(tmp_path / "file", 0, 5 * MIB)
    second = FileSpan(tmp_path / "file", 5 * MIB, 5 * MIB)
    upload = storage.multipart.start(new)
    storage.multipart.put_part(upload, 1, first)
    [listed] = storage.multipart.parts(upload)
    assert listed.etag.strip('"') == hashlib.md5(bytes(5 * MIB)).hexdigest()  # noqa: S324  its tag
    assert storage.multipart.holds(listed, first)
    assert not storage.multipart.holds(listed, second)
    # as of a bucket that encrypts with keys of its own
    assert not storage.multipart.holds(replace(listed, etag='"not-an-md5"'), first)


def test_stopped_source_ends_the_request(
    storage: S3Storage, new: NewObject, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(bytes(MIB))
    source = FileSpan(tmp_path / "file", 0, MIB)
    upload = storage.multipart.start(new)
    source.stop()
    with pytest.raises(StorageFault):
        storage.multipart.put_part(upload, 1, source)
    assert storage.multipart.parts(upload) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"secret_access_key": "a wrong one"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "nobody"}, "InvalidAccessKeyId"),
        ({"access_key_id": READER_KEY_ID}, "AccessDenied"),
        ({"bucket": "no-such-bucket"}, "NoSuchBucket"),
    ],
)
def test_refusal_names_its_reason(
    bucket: S3Bucket, new: NewObject, tmp_path: Path, changed: dict[str, str], reason: str
) -> None:
    refusal = put_refusal(S3Storage(replace(bucket, **changed)), tmp_path / "file", new)  # type: ignore[arg-type]
    assert (refusal.kind, refusal.reason) == (FaultKind.REFUSED, reason)
    assert refusal.code is ErrorCode.STORAGE_UNAVAILABLE
    shown = f"{refusal} {refusal.context}"
    assert bucket.secret_access_key not in shown
    assert bucket.access_key_id not in shown


def test_refused_head_names_its_reason_too(bucket: S3Bucket, new: NewObject) -> None:
    wrong = {"secret_access_key": "a wrong one"}
    with pytest.raises(StorageFault) as refusal:
        S3Storage(replace(bucket, **wrong)).head(new.key)  # type: ignore[arg-type]
    assert refusal.value.reason == "SignatureDoesNotMatch"


def test_health_is_refused_without_bucket_or_rights(bucket: S3Bucket) -> None:
    S3Storage(bucket).health()
    for changed in (replace(bucket, bucket="gone"), replace(bucket, access_key_id="nobody")):
        with pytest.raises(StorageFault):
            S3Storage(changed).health()


@pytest.mark.timeout(120)  # a server is started twice
def test_server_that_ends_in_a_part_is_a_fault_that_passes(
    bucket: S3Bucket, new: NewObject
) -> None:
    with SeaweedServer.running() as server:
        name = server.create_bucket()
        storage = S3Storage(replace(bucket, endpoint_url=server.endpoint, bucket=name))
        upload = storage.multipart.start(new)
        first = storage.multipart.put_part(upload, 1, Zeros(5 * MIB))

        def stop_on_the_way(given_bytes: int) -> None:
            if given_bytes > 12 * MIB:  # 10 are read for the MD5
                server.kill()

        with pytest.raises(StorageFault) as broken:
            storage.multipart.put_part(upload, 2, Zeros(10 * MIB, stop_on_the_way))
        assert broken.value.kind is FaultKind.TRANSIENT
        with pytest.raises(StorageFault) as away:
            storage.health()
        assert (away.value.kind, away.value.reason) == (
            FaultKind.TRANSIENT,
            "EndpointConnectionError",
        )
        server.start()
        assert storage.multipart.parts(upload) == [first]
        second = storage.multipart.put_part(upload, 2, Zeros(10 * MIB))
        storage.multipart.complete(upload, [first, second])
        stored = storage.head(new.key)
        assert stored is not None
        assert stored.size_bytes == 15 * MIB
        server.stop(signal.SIGKILL)


def test_listings_go_on_past_their_first_page(
    seaweedfs: SeaweedServer, bucket: S3Bucket, new: NewObject
) -> None:
    storage = S3Storage(replace(bucket, page_entries=3))
    client = seaweedfs.client()
    keys = [f"exports/{number:04}/1.csv" for number in range(10)]
    for key in [*keys, "exports-of-others/1.csv"]:
        client.put_object(Bucket=bucket.bucket, Key=key)
    assert [found.key for found in storage.objects("exports")] == keys
    uploads = [storage.multipart.start(replace(new, key=key)) for key in keys]
    assert {found.upload_id for found in storage.multipart.uploads("exports")} == {
        upload.upload_id for upload in uploads
    }
    sent = [storage.multipart.put_part(uploads[0], number, Zeros(1)) for number in range(1, 8)]
    assert storage.multipart.parts(uploads[0]) == sent


@pytest.mark.parametrize(
    "filename",
    [
        "张三的报表.csv",
        "🙂 smile.csv",
        'it\'s 100% "quoted" (1)!*;=,&+#?.csv',
        "naïve Łódź.csv",
        "长" * 66 + ".csv",
    ],
)
def test_signed_address_serves_the_file_under_its_name(
    storage: S3Storage, new: NewObject, tmp_path: Path, filename: str
) -> None:
    (tmp_path / "file").write_bytes(b"a,b\n1,2\n")
    named = replace(new, content_disposition=content_disposition(filename))
    storage.put(str(tmp_path / "file"), named)
    stored = storage.head(new.key)
    assert stored is not None
    address = urlsplit(storage.signed_url(stored, 60))
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.request("GET", f"{address.path}?{address.query}")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"a,b\n1,2\n")
    assert answer.getheader("Content-Disposition") == named.content_disposition
    assert answer.getheader("Content-Type") == new.content_type
    connection.close()


def test_links_lead_to_the_public_endpoint(
    bucket: S3Bucket, storage: S3Storage, new: NewObject, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    storage.put(str(tmp_path / "file"), new)
    stored = storage.head(new.key)
    assert stored is not None
    public = S3Storage(replace(bucket, public_endpoint_url="https://files.example:8443"))
    url = urlsplit(public.signed_url(stored, 60))
    assert (url.scheme, url.netloc) == ("https", "files.example:8443")
    assert "X-Amz-Signature=" in url.query
    plain = S3Storage(replace(bucket, public=True)).signed_url(stored, 60)
    assert plain == f"{bucket.endpoint_url}/{bucket.bucket}/{new.key}"


@pytest.mark.parametrize("seconds", [0, 604_801])
def test_address_can_not_be_signed_for_longer_than_s3_takes(
    storage: S3Storage, new: NewObject, tmp_path: Path, seconds: int
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    storage.put(str(tmp_path / "file"), new)
    stored = storage.head(new.key)
    assert stored is not None
    with pytest.raises(StorageFault, match="604800"):
        storage.signed_url(stored, seconds)


def test_storage_without_tags_is_not_asked_for_any(
    bucket: S3Bucket, storage: S3Storage, new: NewObject, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    storage.put(str(tmp_path / "file"), new)
    untagged = S3Storage(replace(bucket, object_tags=False))
    untagged.set_tags(new.key, {"team": "billing"})
    assert untagged.tags(new.key) == {}
    assert storage.tags(new.key) == {}
