"""Who is let in: signatures, their times, temporary keys, buckets that all may read."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import oss2
import pytest
import requests

from tests.doubles.oss.authentication import AccessKey
from tests.doubles.oss.orders import RemoveKey, SetBucket
from tests.doubles.oss.running import OssDouble, running_oss_double
from tests.integration.oss_double.conftest import BucketOf

SESSION: Final = "STS.NUsession"
MINUTE: Final = 60


def refusal(call: Any, *arguments: object) -> tuple[int, str]:
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        call(*arguments)
    return refused.value.status, refused.value.code


def fetched(url: str) -> tuple[int, bytes]:
    answer = requests.get(url, timeout=10)
    return answer.status_code, answer.content


@pytest.fixture(params=[oss2.AUTH_VERSION_4, oss2.AUTH_VERSION_1])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def temporary(oss_double: OssDouble) -> Iterator[AccessKey]:
    key = AccessKey(
        access_key_id=SESSION,
        secret="of-session",
        security_token="token+/=",
        expires_at=time.time() + 10 * MINUTE,
    )
    oss_double.order(key)
    yield key
    oss_double.order(RemoveKey(access_key_id=SESSION))


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_off_by_more_than_fifteen_minutes_is_refused(
    minutes: int, bucket: Any, oss_double: OssDouble
) -> None:
    oss_double.move_clock(minutes * MINUTE)

    assert refusal(bucket.get_object, "a") == (403, "RequestTimeTooSkewed")


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_off_by_less_is_let_in(minutes: int, bucket: Any, oss_double: OssDouble) -> None:
    oss_double.move_clock(minutes * MINUTE)

    assert bucket.put_object("a", b"x").status == 200


def test_a_temporary_key_is_good_with_its_token_until_it_expires(
    version: str, temporary: AccessKey, bucket_of: BucketOf, oss_double: OssDouble
) -> None:
    def client(token: str) -> Any:
        return bucket_of(oss2.StsAuth(SESSION, temporary.secret, token, version))

    assert client(temporary.security_token).put_object("a", b"x").status == 200
    assert fetched(client(temporary.security_token).sign_url("GET", "a", 60)) == (200, b"x")
    assert refusal(client("other").get_object, "a") == (403, "InvalidSecurityToken")
    assert refusal(client("").get_object, "a") == (403, "InvalidAccessKeyId")
    oss_double.move_clock(11 * MINUTE)
    assert refusal(client(temporary.security_token).get_object, "a") == (
        403,
        "SecurityTokenExpired",
    )


def test_a_link_dies_with_its_token(
    version: str, temporary: AccessKey, bucket_of: BucketOf, oss_double: OssDouble
) -> None:
    auth = oss2.StsAuth(SESSION, temporary.secret, temporary.security_token, version)
    client = bucket_of(auth)
    client.put_object("a", b"x")
    url = client.sign_url("GET", "a", 3600)
    oss_double.move_clock(11 * MINUTE)

    status, document = fetched(url)

    assert (status, b"SecurityTokenExpired" in document) == (403, True)


def test_a_link_expires(bucket: Any, oss_double: OssDouble) -> None:
    bucket.put_object("a", b"x")
    url = bucket.sign_url("GET", "a", 60)

    oss_double.move_clock(50)
    assert fetched(url) == (200, b"x")
    oss_double.move_clock(70)
    status, document = fetched(url)
    assert (status, b"Request has expired" in document) == (403, True)


@pytest.mark.parametrize(("seconds", "status"), [(604_800, 200), (604_801, 400), (0, 400)])
def test_a_link_of_version_4_lasts_a_week_at_most(seconds: int, status: int, bucket: Any) -> None:
    bucket.put_object("a", b"x")

    assert fetched(bucket.sign_url("GET", "a", seconds))[0] == status


def test_a_signature_for_another_region_is_refused(bucket_of: BucketOf) -> None:
    assert refusal(bucket_of(region="cn-beijing").get_object, "a") == (400, "InvalidArgument")


def test_a_private_bucket_is_closed_to_strangers(bucket: Any, oss_double: OssDouble) -> None:
    bucket.put_object("a", b"x")

    status, document = fetched(f"{oss_double.endpoint}/exports/a")

    assert (status, b"AccessDenied" in document) == (403, True)


def test_a_public_bucket_may_be_read_by_all_and_written_by_none(
    bucket_of: BucketOf, oss_double: OssDouble
) -> None:
    oss_double.order(SetBucket(name="open", public_read=True))
    bucket_of(bucket_name="open").put_object("a", b"x")
    url = f"{oss_double.endpoint}/open/a"

    assert fetched(url) == (200, b"x")
    assert fetched(f"{url}?response-content-type=text/html")[0] == 400
    assert requests.put(url, b"y", timeout=10).status_code == 403
    assert fetched(f"{oss_double.endpoint}/open/")[0] == 403


def test_an_endpoint_that_new_accounts_may_not_use_is_refused(tmp_path: Path) -> None:
    forbidden = ("--forbidden-host", "localhost")
    with running_oss_double(folder=tmp_path, arguments=forbidden) as double:
        auth = oss2.AuthV4(double.access_key_id, double.access_key_secret)
        endpoint = double.endpoint.replace("127.0.0.1", "localhost")
        public = oss2.Bucket(auth, endpoint, double.bucket, region=double.region)

        with pytest.raises(oss2.exceptions.ServerError) as refused:
            public.get_object("a")

    assert (refused.value.code, refused.value.ec) == (
        "PublicEndpointForbidden",
        "0048-00000401",
    )


def test_a_link_by_a_cname_leads_to_its_bucket(tmp_path: Path) -> None:
    bound = ("--cname", "files.example.com=exports")
    with running_oss_double(folder=tmp_path, arguments=bound) as double:
        auth = oss2.AuthV4(double.access_key_id, double.access_key_secret)
        place = {"is_cname": True, "region": double.region, "proxies": {"http": double.endpoint}}
        client = oss2.Bucket(auth, "http://files.example.com", double.bucket, **place)
        client.put_object("a", b"x")
        url = client.sign_url("GET", "a", 60)

        answer = requests.get(url, timeout=10, proxies={"http": double.endpoint})

    assert url.startswith("http://files.example.com/a?")
    assert answer.content == b"x"
