"""The storages that the settings describe; the libraries of buckets are imported when used."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rowferry.config import Config
from rowferry.config_groups import S3, Oss
from rowferry.config_sources import ConfigError, Problem
from rowferry.ports import ObjectStorage
from rowferry.storage.local_disk import LocalDiskStorage

if TYPE_CHECKING:
    from rowferry.storage.aliyun_oss_credentials import OssCredentials


def open_storages(config: Config) -> Mapping[str, ObjectStorage]:
    """Give the chosen storage and, always, the local one, by their names.

    Raises ConfigError for a file of a secret that can't be read and a library that is missing,
    STORAGE_UNAVAILABLE for a local folder that can't be made. Nothing is asked of a bucket.
    """
    storages: dict[str, ObjectStorage] = {"local": LocalDiskStorage(config.local_directory)}
    bucket = open_bucket(config)
    if bucket is not None:
        storages[config.storage.backend] = bucket
    return storages


def open_bucket(config: Config) -> ObjectStorage | None:
    """Give the chosen storage, None if that is the local one.

    Raises ConfigError for a secret's file that can't be read, and for a library that is missing.
    Nothing is asked of the bucket.
    """
    # as many threads again download
    connections = 2 * config.concurrency.upload_threads
    match config.storage.backend:
        case "oss":
            return _oss(config.oss, connections)
        case "s3":
            return _s3(config.s3, connections)
        case "local":
            return None


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


def _s3(s3: S3, connections: int) -> ObjectStorage:
    try:
        from rowferry.storage.s3 import S3Storage
        from rowferry.storage.s3_connection import S3Bucket
    except ImportError as error:
        expected = "boto3, which `pip install 'rowferry[s3]'` brings, for s3"
        raise _unusable("settings", "storage.backend", expected, f"no {error.name}") from error

    bucket = S3Bucket(
        endpoint_url=s3.endpoint_url,
        public_endpoint_url=s3.public_endpoint_url,
        region=s3.region,
        bucket=s3.bucket,
        prefix=s3.prefix,
        path_style=s3.path_style,
        object_tags=s3.object_tags,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key
        or _content("s3.secret_access_key_file", s3.secret_access_key_file),
        session_token=s3.session_token or _content("s3.session_token_file", s3.session_token_file),
        public=s3.public_bucket,
        connections=connections,
    )
    return S3Storage(bucket)


def _content(setting: str, file: str) -> str:
    """Read a secret's file; "" if there is none."""
    try:
        return Path(file).read_text("utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError) as error:
        got = error.strerror if isinstance(error, OSError) else "other bytes than text"
        raise _unusable(file, setting, "a file that can be read", got or "none") from None


def _unusable(source: str, key: str, expected: str, got: str) -> ConfigError:
    return ConfigError((Problem(source=source, key=key, expected=expected, got=got),))
