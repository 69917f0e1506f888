"""The storages that the suites run on: on this machine, and in servers that check signatures."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from rowferry.ports import ObjectStorage
from rowferry.storage.aliyun_oss import AliyunOssStorage
from rowferry.storage.aliyun_oss_connection import OssBucket
from rowferry.storage.aliyun_oss_credentials import FixedOssCredentials
from rowferry.storage.local_disk import LocalDiskStorage
from rowferry.storage.memory import MemoryStorage
from tests.contract.object_storage.samples import OTHERS
from tests.doubles.oss.running import OssDouble


def _local_disk(request: pytest.FixtureRequest) -> ObjectStorage:
    folder: Path = request.getfixturevalue("tmp_path")
    return LocalDiskStorage(folder / "objects")


def _memory(request: pytest.FixtureRequest) -> ObjectStorage:
    return MemoryStorage()


def _aliyun_oss(request: pytest.FixtureRequest) -> ObjectStorage:
    double: OssDouble = request.getfixturevalue("oss_double")
    bucket = OssBucket(
        endpoint_url=double.endpoint,
        public_endpoint_url=double.endpoint,
        region=double.region,
        bucket=double.bucket,
        prefix="exports",
        page_entries=3,
    )
    keys = FixedOssCredentials(double.access_key_id, double.access_key_secret)
    return AliyunOssStorage(bucket, keys)


def _s3(request: pytest.FixtureRequest) -> ObjectStorage:
    """Empty the session's one: a client of boto3 takes half a second to make."""
    storage: ObjectStorage = request.getfixturevalue("s3_storage")
    assert storage.multipart is not None
    for prefix in ("exports", OTHERS):
        for found in storage.objects(prefix):
            storage.delete(found.key)
        for upload in storage.multipart.uploads(prefix):
            storage.multipart.abort(upload)
    return storage


STORAGES: Final[Mapping[str, Callable[[pytest.FixtureRequest], ObjectStorage]]] = {
    "local_disk": _local_disk,
    "memory": _memory,
    "aliyun_oss": _aliyun_oss,
    "s3": _s3,
}
IN_PARTS: Final = ["memory", "aliyun_oss", "s3"]
WITH_ADDRESSES: Final = ["aliyun_oss", "s3"]
