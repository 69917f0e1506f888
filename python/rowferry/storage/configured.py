"""The storages that the settings describe; the libraries of buckets are imported when used."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rowferry.config import Config
from rowferry.config_groups import Oss
from rowferry.config_sources import ConfigError, Problem
from rowferry.ports import ObjectStorage
from rowferry.storage.local_disk import LocalDiskStorage

if TYPE_CHECKING:
    from rowferry.storage.aliyun_oss_credentials import OssCredentials


def open_storages(config: Config) -> Mapping[str, ObjectStorage]:
    """Give the chosen storage and, always, the local one, by their names.

    Raises ConfigError for a secret's file that can't be read, STORAGE_UNAVAILABLE for a local
    folder that can't be made. Nothing is asked of a bucket.
    """
    storages: dict[str, ObjectStorage] = {"local": LocalDiskStorage(config.local_directory)}
    # as many threads again download
    connections = 2 * config.concurrency.upload_threads
    if config.storage.backend == "oss":
        storages["oss"] = _oss(config.oss, connections)
    return storages


def _oss(oss: Oss, connections: int) -> ObjectStorage:
    from rowferry.storage.aliyun_oss import AliyunOssStorage
    from rowferry.storage.aliyun_oss_connection import OssBucket

    bucket = OssBucket(
        endpoint_url=oss.endpoint_url,
        public_endpoint_url=oss.public_endpoint_url,
        cname=oss.cname,
        region=oss.region,
        bucket=oss.bucket,
        prefix=oss.prefix,
        public=oss.public_bucket,
        connections=connections,
    )
    return AliyunOssStorage(bucket, _oss_credentials(oss))


def _oss_credentials(oss: Oss) -> "OssCredentials":
    from rowferry.storage import aliyun_oss_credentials as credentials

    if oss.credentials_file:
        return credentials.RenewedOssCredentials(credentials.KeyFile(Path(oss.credentials_file)))
    if oss.credentials_url:
        return credentials.RenewedOssCredentials(credentials.KeyAddress(oss.credentials_url))
    return credentials.FixedOssCredentials(
        oss.access_key_id,
        oss.access_key_secret
        or _content("oss.access_key_secret_file", oss.access_key_secret_file),
        oss.security_token or _content("oss.security_token_file", oss.security_token_file),
    )


def _content(setting: str, file: str) -> str:
    """Read a secret's file; "" if there is none."""
    try:
        return Path(file).read_text("utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError) as error:
        got = error.strerror if isinstance(error, OSError) else "other bytes than text"
        problem = Problem(
            source=file, key=setting, expected="a file that can be read", got=got or "none"
        )
        raise ConfigError((problem,)) from None
