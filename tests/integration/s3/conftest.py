"""Buckets in SeaweedFS, each a test's own."""

import pytest

from rowferry.ports import NewObject
from rowferry.storage.s3 import S3Storage
from rowferry.storage.s3_connection import S3Bucket
from tests.servers.seaweedfs import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SeaweedServer


@pytest.fixture
def bucket(seaweedfs: SeaweedServer) -> S3Bucket:
    return S3Bucket(
        endpoint_url=seaweedfs.endpoint,
        region=REGION,
        bucket=seaweedfs.create_bucket(),
        path_style=True,
        prefix="exports",
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
    )


@pytest.fixture
def storage(bucket: S3Bucket) -> S3Storage:
    return S3Storage(bucket)


@pytest.fixture
def new() -> NewObject:
    return NewObject(
        key="exports/0123456789abcdef/1.csv",
        content_type="text/csv; charset=utf-8",
        content_disposition="attachment; filename=\"report.csv\"; filename*=UTF-8''%E5%BC%A0.csv",
    )
