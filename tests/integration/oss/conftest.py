"""A bucket of the OSS double, and what is stored in it."""

from pathlib import Path
from typing import Final

import pytest

from rowferry.file_span import FileSpan
from rowferry.ports import NewObject
from rowferry.storage.aliyun_oss import AliyunOssStorage
from rowferry.storage.aliyun_oss_connection import OssBucket
from rowferry.storage.aliyun_oss_credentials import FixedOssCredentials
from tests.doubles.oss.running import OssDouble

FILE_BYTES: Final = 600_000  # some blocks


@pytest.fixture
def bucket(oss_double: OssDouble) -> OssBucket:
    return OssBucket(
        endpoint_url=oss_double.endpoint,
        public_endpoint_url=oss_double.endpoint,
        region=oss_double.region,
        bucket=oss_double.bucket,
        prefix="exports",
    )


@pytest.fixture
def keys(oss_double: OssDouble) -> FixedOssCredentials:
    return FixedOssCredentials(oss_double.access_key_id, oss_double.access_key_secret)


@pytest.fixture
def storage(bucket: OssBucket, keys: FixedOssCredentials) -> AliyunOssStorage:
    return AliyunOssStorage(bucket, keys)


@pytest.fixture
def new() -> NewObject:
    return NewObject(
        key="exports/0123456789abcdef/1.csv",
        content_type="text/csv; charset=utf-8",
        content_disposition="attachment; filename=\"report.csv\"; filename*=UTF-8''%E5%BC%A0.csv",
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "finished.csv"
    path.write_bytes(bytes(range(250)) * (FILE_BYTES // 250))
    return path


@pytest.fixture
def source(file: Path) -> FileSpan:
    return FileSpan(file, 0, FILE_BYTES)
