"""Links are signed for the host that their receivers use: a public endpoint, or a CNAME."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from rowferry.ports import NewObject
from rowferry.storage.aliyun_oss import AliyunOssStorage
from rowferry.storage.aliyun_oss_connection import OssBucket
from rowferry.storage.aliyun_oss_credentials import FixedOssCredentials
from tests.doubles.oss.orders import SetBucket
from tests.doubles.oss.running import OssDouble, running_oss_double

CNAME: Final = "files.shop.example"
FORBIDDEN: Final = "oss-cn-beijing.aliyuncs.com"
PUBLIC: Final = "oss-cn-hangzhou.aliyuncs.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    disposition: str | None
    body: bytes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OssDouble]:
    arguments = ("--cname", f"{CNAME}=exports", "--forbidden-host", FORBIDDEN)
    with running_oss_double(folder=tmp_path_factory.mktemp("oss"), arguments=arguments) as double:
        yield double


@pytest.fixture
def oss_double(server: OssDouble) -> OssDouble:
    server.clear()
    return server


def _url(
    bucket: OssBucket, keys: FixedOssCredentials, new: NewObject, file: Path, seconds: int = 60
) -> str:
    storage = AliyunOssStorage(bucket, keys)
    storage.put(str(file), new)
    stored = storage.head(new.key)
    assert stored is not None
    return storage.signed_url(stored, seconds)


def _get(double: OssDouble, url: str) -> _Answer:
    """Follow a link as a browser does for whom its host is the double."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(double.address, timeout=10)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("GET", target, headers={"Host": parts.netloc})
        answer = connection.getresponse()
        return _Answer(
            status=answer.status,
            disposition=answer.headers["Content-Disposition"],
            body=answer.read(),
        )
    finally:
        connection.close()


def test_link_by_a_cname_has_the_key_only(
    bucket: OssBucket,
    keys: FixedOssCredentials,
    oss_double: OssDouble,
    new: NewObject,
    file: Path,
) -> None:
    named = replace(bucket, public_endpoint_url=f"http://{CNAME}", cname=True)
    url = _url(named, keys, new, file)
    assert url.startswith(f"http://{CNAME}/{new.key}?")
    answer = _get(oss_double, url)
    assert (answer.status, answer.body) == (200, file.read_bytes())
    assert answer.disposition == new.content_disposition


def test_link_by_a_public_endpoint_has_the_bucket_in_its_host(
    bucket: OssBucket,
    keys: FixedOssCredentials,
    oss_double: OssDouble,
    new: NewObject,
    file: Path,
) -> None:
    url = _url(replace(bucket, public_endpoint_url=f"http://{PUBLIC}"), keys, new, file)
    assert url.startswith(f"http://exports.{PUBLIC}/{new.key}?")
    assert _get(oss_double, url).status == 200


def test_link_by_a_forbidden_endpoint_is_refused_by_oss_though_files_are_stored(
    bucket: OssBucket,
    keys: FixedOssCredentials,
    oss_double: OssDouble,
    new: NewObject,
    file: Path,
) -> None:
    url = _url(replace(bucket, public_endpoint_url=f"http://{FORBIDDEN}"), keys, new, file)
    answer = _get(oss_double, url)
    assert answer.status == 400
    assert b"PublicEndpointForbidden" in answer.body


def test_signature_of_another_region_is_refused(
    bucket: OssBucket,
    keys: FixedOssCredentials,
    oss_double: OssDouble,
    new: NewObject,
    file: Path,
) -> None:
    url = _url(bucket, keys, new, file).replace("cn-hangzhou", "cn-beijing")
    assert _get(oss_double, url).status in {400, 403}


def test_link_ends(
    bucket: OssBucket,
    keys: FixedOssCredentials,
    oss_double: OssDouble,
    new: NewObject,
    file: Path,
) -> None:
    url = _url(bucket, keys, new, file, seconds=60)
    oss_double.move_clock(61)
    assert _get(oss_double, url).status == 403


def test_bucket_that_all_may_read_has_plain_addresses(
    bucket: OssBucket,
    keys: FixedOssCredentials,
    oss_double: OssDouble,
    new: NewObject,
    file: Path,
) -> None:
    oss_double.order(SetBucket(name=bucket.bucket, public_read=True))
    try:
        url = _url(replace(bucket, public=True), keys, new, file)
        answer = _get(oss_double, url)
    finally:
        oss_double.order(SetBucket(name=bucket.bucket))
    assert url == f"{oss_double.endpoint}/exports/{new.key}"
    assert (answer.status, answer.disposition) == (200, new.content_disposition)
