"""Storages are made as the settings say, and libraries are imported when they are used."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from rowferry.config_loading import load
from rowferry.config_sources import ConfigError
from rowferry.storage.aliyun_oss import AliyunOssStorage
from rowferry.storage.configured import open_storages
from rowferry.storage.local_disk import LocalDiskStorage
from rowferry.storage.s3 import S3Storage

OSS: Final = {
    "STORAGE__BACKEND": "oss",
    "OSS__ENDPOINT": "oss-cn-hangzhou.aliyuncs.com",
    "OSS__REGION": "cn-hangzhou",
    "OSS__BUCKET": "exports",
    "OSS__ACCESS_KEY_ID": "id",
}
S3: Final = {
    "STORAGE__BACKEND": "s3",
    "S3__REGION": "eu-central-1",
    "S3__BUCKET": "exports",
    "S3__ACCESS_KEY_ID": "id",
}
PROGRAM: Final = """
import sys
from pathlib import Path
import rowferry.service
from rowferry.config_loading import load
from rowferry.storage.configured import open_storages
open_storages(load(None, {"ROWFERRY__SERVER__DATA_DIRECTORY": sys.argv[1]}))
print(*sorted({"oss2", "requests", "urllib3", "boto3", "botocore"} & set(sys.modules)))
"""


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_text("sesame\n")
    return str(file)


def _settings(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    named = {"SERVER__DATA_DIRECTORY": str(folder), **settings}
    return {f"ROWFERRY__{name}": value for name, value in named.items()}


def test_local_storage_is_always_there(tmp_path: Path, secret_file: str) -> None:
    alone = open_storages(load(None, _settings(tmp_path, {})))
    assert {name: type(made) for name, made in alone.items()} == {"local": LocalDiskStorage}
    secret = {"OSS__ACCESS_KEY_SECRET_FILE": secret_file}
    oss = open_storages(load(None, _settings(tmp_path, OSS | secret)))
    assert {name: type(made) for name, made in oss.items()} == {
        "local": LocalDiskStorage,
        "oss": AliyunOssStorage,
    }
    secret = {"S3__SECRET_ACCESS_KEY_FILE": secret_file}
    s3 = open_storages(load(None, _settings(tmp_path, S3 | secret)))
    assert {name: type(made) for name, made in s3.items()} == {
        "local": LocalDiskStorage,
        "s3": S3Storage,
    }


@pytest.mark.parametrize(
    ("settings", "key"),
    [(OSS, "oss.access_key_secret_file"), (S3, "s3.secret_access_key_file")],
)
def test_secret_that_can_not_be_read_is_named(
    tmp_path: Path, settings: dict[str, str], key: str
) -> None:
    variable = key.replace(".", "__").upper()
    config = load(None, _settings(tmp_path, settings | {variable: str(tmp_path / "none")}))
    with pytest.raises(ConfigError) as refused:
        open_storages(config)
    (problem,) = refused.value.problems
    assert (problem.key, problem.got) == (key, "No such file or directory")


def test_keys_that_are_renewed_are_read_when_they_are_needed(tmp_path: Path) -> None:
    keyless = {name: value for name, value in OSS.items() if "KEY" not in name}
    missing = {"OSS__CREDENTIALS_FILE": str(tmp_path / "none")}
    assert "oss" in open_storages(load(None, _settings(tmp_path, keyless | missing)))


def test_service_with_the_defaults_imports_no_library_of_a_bucket(tmp_path: Path) -> None:
    run = subprocess.run(  # noqa: S603  this Python
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""
