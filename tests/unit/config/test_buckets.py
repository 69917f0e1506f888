"""A bucket is described completely and without contradiction, and its secrets are never shown."""

import pytest

from rowferry.config import Config, shown_settings
from rowferry.config_groups import Uploads
from rowferry.config_loading import load
from rowferry.config_sources import ConfigError

OSS = {
    "STORAGE__BACKEND": "oss",
    "OSS__ENDPOINT": "oss-cn-hangzhou-internal.aliyuncs.com",
    "OSS__REGION": "cn-hangzhou",
    "OSS__BUCKET": "exports-of-shop",
    "OSS__ACCESS_KEY_ID": "LTAI-id",
    "OSS__ACCESS_KEY_SECRET": "sesame",
}
S3 = {
    "STORAGE__BACKEND": "s3",
    "S3__REGION": "eu-central-1",
    "S3__BUCKET": "exports.of.shop",
    "S3__ACCESS_KEY_ID": "AKIA-id",
    "S3__SECRET_ACCESS_KEY": "sesame",
}
DIRECT = {"STORAGE__DIRECT_LINKS": "true"}
KEYLESS_OSS = {name: value for name, value in OSS.items() if "ACCESS_KEY" not in name}


def _load(settings: dict[str, str]) -> Config:
    return load(None, {f"ROWFERRY__{name}": value for name, value in settings.items()})


def _problem_keys(settings: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        _load(settings)
    assert "sesame" not in str(refusal.value)
    return [problem.key for problem in refusal.value.problems]


def test_uploads_are_those_of_the_chosen_backend() -> None:
    sizes = {"OSS__PART_BYTES": "200 KiB", "S3__PART_BYTES": "6 MiB", "S3__PREFIX": "a/b"}
    assert _load(OSS | sizes).uploads.part_bytes == 200 * 2**10
    assert _load(S3 | sizes).uploads.part_bytes == 6 * 2**20
    assert _load(S3 | sizes).uploads.prefix == "a/b"
    assert _load(sizes).uploads == Uploads()


def test_endpoint_without_a_scheme_gets_https() -> None:
    config = _load(OSS | {"OSS__PUBLIC_ENDPOINT": "files.shop.example/", "OSS__CNAME": "true"})
    assert config.oss.endpoint_url == "https://oss-cn-hangzhou-internal.aliyuncs.com"
    assert config.oss.public_endpoint_url == "https://files.shop.example"
    assert _load(OSS | {"OSS__ENDPOINT": "http://127.0.0.1:80"}).oss.endpoint_url == (
        "http://127.0.0.1:80"
    )
    assert _load(S3).s3.endpoint_url == ""


def test_links_lead_to_the_endpoint_unless_there_is_a_public_one() -> None:
    oss = _load(OSS).oss
    assert oss.public_endpoint_url == oss.endpoint_url


@pytest.mark.parametrize("secret", ["OSS__ACCESS_KEY_SECRET", "OSS__SECURITY_TOKEN"])
def test_secrets_are_masked(secret: str) -> None:
    config = _load(OSS | S3 | {secret: "sesame-2", "S3__SESSION_TOKEN": "sesame-3"})
    assert "sesame" not in str(shown_settings(config))
    assert "sesame" not in repr(config)


@pytest.mark.parametrize("missing", ["endpoint", "region", "bucket"])
def test_bucket_of_oss_needs_its_place(missing: str) -> None:
    assert _problem_keys(OSS | {f"OSS__{missing}".upper(): ""}) == [f"oss.{missing}"]


@pytest.mark.parametrize("missing", ["region", "bucket"])
def test_bucket_of_s3_needs_its_place(missing: str) -> None:
    assert _problem_keys(S3 | {f"S3__{missing}".upper(): ""}) == [f"s3.{missing}"]


CONTRADICTIONS = [
    (KEYLESS_OSS, "oss.access_key_id"),
    (OSS | {"OSS__ACCESS_KEY_ID": ""}, "oss.access_key_id"),
    (OSS | {"OSS__ACCESS_KEY_SECRET_FILE": "f"}, "oss.access_key_secret"),
    (OSS | {"OSS__SECURITY_TOKEN": "t", "OSS__SECURITY_TOKEN_FILE": "f"}, "oss.security_token"),
    (OSS | {"OSS__CREDENTIALS_FILE": "f"}, "oss.access_key_id"),
    (
        KEYLESS_OSS | {"OSS__CREDENTIALS_FILE": "f", "OSS__CREDENTIALS_URL": "http://h"},
        "oss.credentials_file",
    ),
    (OSS | {"OSS__CNAME": "true"}, "oss.public_endpoint"),
    (S3 | {"S3__SECRET_ACCESS_KEY": ""}, "s3.access_key_id"),
    (S3 | {"S3__SECRET_ACCESS_KEY_FILE": "f"}, "s3.secret_access_key"),
    (S3 | {"S3__SESSION_TOKEN": "t", "S3__SESSION_TOKEN_FILE": "f"}, "s3.session_token"),
    (DIRECT, "storage.direct_links"),
    (S3 | DIRECT | {"STORAGE__PROXY_DOWNLOADS": "true"}, "storage.proxy_downloads"),
    (OSS | DIRECT | {"OSS__SECURITY_TOKEN": "sesame-2"}, "storage.direct_links"),
    (KEYLESS_OSS | DIRECT | {"OSS__CREDENTIALS_FILE": "f"}, "storage.direct_links"),
    (S3 | DIRECT | {"S3__SESSION_TOKEN": "sesame-2"}, "storage.direct_links"),
]


@pytest.mark.parametrize(("settings", "key"), CONTRADICTIONS)
def test_contradiction_is_named(settings: dict[str, str], key: str) -> None:
    assert _problem_keys(settings) == [key]


def test_credentials_come_from_one_place_or_a_secret_from_a_file() -> None:
    assert _load(KEYLESS_OSS | {"OSS__CREDENTIALS_FILE": "f"}).oss.credentials_file == "f"
    assert _load(KEYLESS_OSS | {"OSS__CREDENTIALS_URL": "http://h"}).oss.credentials_url
    by_file = {"OSS__ACCESS_KEY_SECRET": "", "OSS__ACCESS_KEY_SECRET_FILE": "f"}
    assert _load(OSS | by_file).oss.access_key_secret_file == "f"  # noqa: S105  a path


def test_direct_links_need_keys_that_last_unless_the_bucket_is_public() -> None:
    public = {"OSS__PUBLIC_BUCKET": "true", "OSS__SECURITY_TOKEN": "sesame-2"}
    for settings in (OSS, S3, OSS | public):
        assert _load(settings | DIRECT).storage.direct_links


def test_s3_without_keys_leaves_them_to_its_environment() -> None:
    _load(S3 | {"S3__ACCESS_KEY_ID": "", "S3__SECRET_ACCESS_KEY": ""})


@pytest.mark.parametrize(
    ("settings", "temporary"),
    [
        (OSS, False),
        (OSS | {"OSS__SECURITY_TOKEN_FILE": "f"}, True),
        (KEYLESS_OSS | {"OSS__CREDENTIALS_FILE": "f"}, True),
        (KEYLESS_OSS | {"OSS__CREDENTIALS_URL": "http://h"}, True),
    ],
)
def test_keys_with_a_token_and_keys_that_are_renewed_are_temporary(
    settings: dict[str, str], *, temporary: bool
) -> None:
    assert _load(settings).oss.temporary_credentials is temporary


def test_keys_of_s3_are_lasting_when_they_are_given_without_a_token() -> None:
    assert not _load(S3).s3.temporary_credentials
    assert _load(S3 | {"S3__SESSION_TOKEN": "t"}).s3.temporary_credentials
    assert _load(
        S3 | {"S3__ACCESS_KEY_ID": "", "S3__SECRET_ACCESS_KEY": ""}
    ).s3.temporary_credentials


def test_groups_of_other_backends_are_not_judged() -> None:
    assert _load({"OSS__CNAME": "true", "S3__ACCESS_KEY_ID": "x"}).storage.backend == "local"


REFUSED = [
    ("OSS__ENDPOINT", "https://bucket.example/path"),
    ("OSS__ENDPOINT", "https://id:sesame@host"),
    ("OSS__REGION", "oss-cn-hangzhou"),
    ("OSS__BUCKET", "Exports"),
    ("OSS__PART_BYTES", "99 KiB"),
    ("OSS__PART_BYTES", "6 GiB"),
    ("S3__PART_BYTES", "4 MiB"),
    ("OSS__PREFIX", ""),
    ("OSS__PREFIX", "/exports"),
    ("OSS__PREFIX", "exports/"),
    ("OSS__PREFIX", "exports\n"),
    ("OSS__PREFIX", "../exports"),
    ("OSS__PREFIX", "\u5bfc\u51fa"),
    ("OSS__PREFIX", "a" * 401),
    ("OSS__FALLBACK", "s3"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_value_that_no_bucket_could_use_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        _load(OSS | {name: value})
    assert [problem.key for problem in refusal.value.problems] == [f"ROWFERRY__{name}"]
