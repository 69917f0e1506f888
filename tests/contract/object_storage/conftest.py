"""Every storage, empty: a test may ask for some of them only."""

from pathlib import Path

import pytest

from rowferry.ports import MultipartStorage, NewObject, ObjectStorage
from rowferry.storage.s3 import S3Storage
from rowferry.storage.s3_connection import S3Bucket
from tests.contract.object_storage.samples import Storing
from tests.contract.object_storage.storages import STORAGES
from tests.servers.seaweedfs import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SeaweedServer


@pytest.fixture(scope="session")
def s3_storage(seaweedfs: SeaweedServer) -> S3Storage:
    bucket = S3Bucket(
        endpoint_url=seaweedfs.endpoint,
        region=REGION,
        bucket=seaweedfs.create_bucket(),
        path_style=True,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
        page_entries=3,
    )
    return S3Storage(bucket)


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest) -> ObjectStorage:
    return STORAGES[request.param](request)


@pytest.fixture
def multipart(storage: ObjectStorage) -> MultipartStorage:
    assert storage.multipart is not None
    return storage.multipart


@pytest.fixture
def store(storage: ObjectStorage, tmp_path: Path) -> Storing:
    def put(body: bytes, new: NewObject) -> None:
        path = tmp_path / f"finished-{new.key.replace('/', '-')}"
        path.write_bytes(body)
        storage.put(str(path), new)

    return put
