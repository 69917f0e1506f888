"""A bucket of the double, by oss2 without its checksums and retries of its own."""

from collections.abc import Callable
from typing import Any

import oss2
import pytest

from tests.doubles.oss.running import OssDouble

BucketOf = Callable[..., Any]


@pytest.fixture
def bucket_of(oss_double: OssDouble) -> BucketOf:
    """Make a client; ``auth`` None = the double's lasting key with signatures of version 4."""

    def make(auth: object = None, **options: object) -> Any:
        lasting = oss2.AuthV4(oss_double.access_key_id, oss_double.access_key_secret)
        chosen = {"endpoint": oss_double.endpoint, "region": oss_double.region, **options}
        name = chosen.pop("bucket_name", oss_double.bucket)
        return oss2.Bucket(auth or lasting, bucket_name=name, enable_crc=False, **chosen)

    return make


@pytest.fixture
def bucket(bucket_of: BucketOf) -> Any:
    return bucket_of()
