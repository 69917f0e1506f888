"""The use cases over a bucket in memory, beside a local storage."""

from dataclasses import replace

import pytest

from rowferry.composition import Adapters
from rowferry.ports import Storages
from rowferry.storage.memory import MemoryStorage
from tests.unit.export.in_memory import Site
from tests.unit.export.uploads.failing_storage import FailingStorage
from tests.unit.export.uploads.whole_objects import PART_BYTES, MakeSite


@pytest.fixture
def bucket() -> FailingStorage:
    return FailingStorage()


@pytest.fixture
def local() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def adapters(adapters: Adapters, bucket: FailingStorage, local: MemoryStorage) -> Adapters:
    storages = Storages(primary="oss", by_name={"oss": bucket, "local": local})
    return replace(adapters, storages=storages)


@pytest.fixture
def make_bucket_site(make_site: MakeSite) -> MakeSite:
    def make(**groups: dict[str, object]) -> Site:
        oss = {"part_bytes": PART_BYTES, "parallel_parts": 2, "max_retries": 2}
        storage = {"backend": "oss", "temp_retention_seconds": 0}
        settings: dict[str, dict[str, object]] = {
            "storage": {**storage, **groups.pop("storage", {})},
            "oss": {**oss, **groups.pop("oss", {})},
            "retry": {"max_attempts": 3, "base_seconds": 0.0},
        }
        return make_site(**{**settings, **groups})

    return make


@pytest.fixture
async def site(make_bucket_site: MakeSite) -> Site:
    return make_bucket_site()
