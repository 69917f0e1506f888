"""Keys that end are renewed by somebody else: in the middle of an upload too."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

import pytest

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.file_span import FileSpan
from rowferry.ports import NewObject
from rowferry.storage.aliyun_oss import AliyunOssStorage
from rowferry.storage.aliyun_oss_connection import OssBucket
from rowferry.storage.aliyun_oss_credentials import (
    FixedOssCredentials,
    KeyAddress,
    KeyFile,
    RenewedOssCredentials,
)
from tests.doubles.oss.authentication import AccessKey
from tests.doubles.oss.running import OssDouble
from tests.servers.answering_http import serving

SESSION_SECONDS: Final = 300  # clocks may differ by 900


def _session(double: OssDouble, number: int) -> AccessKey:
    """Have the double know temporary keys."""
    key = AccessKey(
        access_key_id=f"STS.session-{number}",
        secret=f"secret-{number}",
        security_token=f"token-{number}",
        expires_at=time.time() + SESSION_SECONDS * number,
    )
    double.order(key)
    return key


def _document(key: AccessKey) -> bytes:
    document = {
        "access_key_id": key.access_key_id,
        "access_key_secret": key.secret,
        "security_token": key.security_token,
    }
    return json.dumps(document).encode()


def _metadata(key: AccessKey) -> bytes:
    """As the metadata server of ECS answers."""
    document = {
        "AccessKeyId": key.access_key_id,
        "AccessKeySecret": key.secret,
        "SecurityToken": key.security_token,
        "Expiration": "2026-01-31T12:00:00Z",
        "Code": "Success",
    }
    return json.dumps(document).encode()


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def renewed(bucket: OssBucket, keys_file: Path) -> AliyunOssStorage:
    return AliyunOssStorage(bucket, RenewedOssCredentials(KeyFile(keys_file)))


def test_keys_that_end_during_an_upload_are_read_again(
    renewed: AliyunOssStorage,
    keys_file: Path,
    oss_double: OssDouble,
    new: NewObject,
    source: FileSpan,
) -> None:
    keys_file.write_bytes(_document(_session(oss_double, 1)))
    upload = renewed.multipart.start(new)
    first = renewed.multipart.put_part(upload, 1, source)
    oss_double.move_clock(SESSION_SECONDS)
    with pytest.raises(StorageFault) as expired:
        renewed.multipart.put_part(upload, 2, source)
    assert expired.value.kind is FaultKind.TOKEN_EXPIRED
    oss_double.move_clock(0)
    keys_file.write_bytes(_document(_session(oss_double, 2)))
    second = renewed.multipart.put_part(upload, 2, source)
    renewed.multipart.complete(upload, [first, second])
    stored = renewed.head(new.key)
    assert stored is not None
    assert stored.size_bytes == 2 * len(source)


def test_keys_that_are_renewed_in_time_fail_no_request(
    renewed: AliyunOssStorage, keys_file: Path, oss_double: OssDouble
) -> None:
    keys_file.write_bytes(_document(_session(oss_double, 1)))
    renewed.health()
    keys_file.write_bytes(_metadata(_session(oss_double, 2)))
    oss_double.move_clock(SESSION_SECONDS)
    renewed.health()


def test_keys_that_are_forgotten_by_the_storage_count_as_expired(
    renewed: AliyunOssStorage, keys_file: Path, oss_double: OssDouble
) -> None:
    keys_file.write_bytes(_document(AccessKey(access_key_id="STS.gone", secret="x")))  # noqa: S106
    with pytest.raises(StorageFault) as expired:
        renewed.health()
    assert expired.value.kind is FaultKind.TOKEN_EXPIRED


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"access_key_id": "x"}'])
def test_document_that_is_being_written_does_not_disturb(
    renewed: AliyunOssStorage, keys_file: Path, oss_double: OssDouble, content: bytes
) -> None:
    keys_file.write_bytes(_document(_session(oss_double, 1)))
    renewed.health()
    keys_file.write_bytes(content)
    renewed.health()
    keys_file.unlink()
    renewed.health()


@pytest.mark.parametrize("content", [None, b"", b'{"access_key_secret": "open-sesame"}'])
def test_document_without_keys_is_refused_and_not_told(
    renewed: AliyunOssStorage, keys_file: Path, content: bytes | None
) -> None:
    if content is not None:
        keys_file.write_bytes(content)
    with pytest.raises(StorageFault) as refused:
        renewed.health()
    assert refused.value.kind is FaultKind.REFUSED
    assert "credentials" in refused.value.message
    assert "sesame" not in str(refused.value)


def test_fixed_keys_that_end_are_refused(bucket: OssBucket, oss_double: OssDouble) -> None:
    key = _session(oss_double, 1)
    fixed = FixedOssCredentials(key.access_key_id, key.secret, key.security_token)
    storage = AliyunOssStorage(bucket, fixed)
    storage.health()
    oss_double.move_clock(SESSION_SECONDS)
    with pytest.raises(StorageFault) as refused:
        storage.health()
    assert refused.value.kind is FaultKind.REFUSED
    assert refused.value.reason == "SecurityTokenExpired"


def test_link_that_temporary_keys_signed_ends_with_them(
    renewed: AliyunOssStorage,
    keys_file: Path,
    oss_double: OssDouble,
    new: NewObject,
    file: Path,
) -> None:
    keys_file.write_bytes(_document(_session(oss_double, 1)))
    renewed.put(str(file), new)
    stored = renewed.head(new.key)
    assert stored is not None
    url = renewed.signed_url(stored, 604_800)
    assert _status(oss_double, url) == 200
    oss_double.move_clock(SESSION_SECONDS)
    assert _status(oss_double, url) == 403


def _status(double: OssDouble, url: str) -> int:
    connection = http.client.HTTPConnection(double.address, timeout=10)
    try:
        connection.request("GET", url)
        return connection.getresponse().status
    finally:
        connection.close()


def test_address_without_keys_is_asked_again_the_next_minute(
    bucket: OssBucket, oss_double: OssDouble
) -> None:
    answers = [_metadata(_session(oss_double, 1)), b"busy", b"never asked for"]
    seconds = 0.0
    with _metadata_server(answers) as url:
        address = KeyAddress(url, lambda: seconds)
        storage = AliyunOssStorage(bucket, RenewedOssCredentials(address))
        storage.health()
        seconds = 60.0
        storage.health()
        storage.health()
    assert answers == [b"never asked for"]


def test_metadata_server_is_asked_once_a_minute(bucket: OssBucket, oss_double: OssDouble) -> None:
    answers = [_metadata(_session(oss_double, number)) for number in (1, 2)]
    seconds = 0.0
    with _metadata_server(answers) as url:
        address = KeyAddress(url, lambda: seconds)
        storage = AliyunOssStorage(bucket, RenewedOssCredentials(address))
        storage.health()
        seconds = 59.0
        storage.health()
        assert len(answers) == 1
        oss_double.move_clock(SESSION_SECONDS)
        seconds = 60.0
        storage.health()
    assert answers == []


@contextmanager
def _metadata_server(answers: list[bytes]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = answers.pop(0)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving(Handler) as address:
        yield f"{address}/latest/meta-data/ram/role"
