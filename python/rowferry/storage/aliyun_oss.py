"""Objects in Alibaba Cloud OSS, by oss2.

Never over another: keys are unique to an attempt of a task, and OSS is told to refuse a second
object under one.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.file_span import FileSpan
from rowferry.ports import ByteStream, ListedObject, NewObject, StoredObject
from rowferry.storage.aliyun_oss_connection import OssBucket, OssConnection
from rowferry.storage.aliyun_oss_credentials import OssCredentials
from rowferry.storage.aliyun_oss_faults import damaged
from rowferry.storage.aliyun_oss_uploads import NEVER_OVER_ANOTHER, OssUploads, described
from rowferry.storage.lean_oss2 import oss2
from rowferry.storage.object_keys import check_key, not_in_storage

# https://www.alibabacloud.com/help/en/oss/developer-reference/add-signatures-to-urls
MAX_SIGNED_SECONDS: Final = 604_800
# Without it a range that begins at the end, or behind it, is answered with the whole object.
_RANGES_AS_IN_RFC_9110: Final = {"x-oss-range-behavior": "standard"}
_ABSENT: Final = frozenset({"NoSuchKey", ""})  # a HEAD may be answered without a code


class AliyunOssStorage:
    """An ``ObjectStorage`` in a bucket of OSS."""

    def __init__(self, bucket: OssBucket, credentials: OssCredentials) -> None:
        self._connection = OssConnection(bucket, credentials)
        self._bucket = bucket
        self.multipart: Final = OssUploads(self._connection)

    def put(self, path: str, new: NewObject) -> None:
        """Send the file at ``path`` in one request: 5 GB at most. The file stays."""
        check_key(new.key)
        with _opened(path) as source:
            with self._connection.asked() as bucket:
                headers = described(new) | NEVER_OVER_ANOTHER
                answer = bucket.put_object(new.key, source, headers=headers)
            if answer.crc is not None and answer.crc != source.crc64:
                self.delete(new.key)  # or sending it again would be refused
                raise damaged()

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Write all of an object's tags; raise NOT_FOUND."""
        check_key(key)
        rule = oss2.models.TaggingRule()
        with self._connection.asked() as bucket, _absence_told():
            for name, value in tags.items():
                rule.add(name, value)
            bucket.put_object_tagging(key, oss2.models.Tagging(rule))

    def tags(self, key: str) -> Mapping[str, str]:
        """Give an object's tags; raise NOT_FOUND."""
        check_key(key)
        with self._connection.asked() as bucket, _absence_told():
            tags: Mapping[str, str] = bucket.get_object_tagging(key).tag_set.tagging_rule
        return tags

    def head(self, key: str) -> StoredObject | None:
        """Look an object up."""
        check_key(key)
        with self._connection.asked() as bucket:
            try:
                found = bucket.head_object(key)
            except oss2.exceptions.NotFound as error:
                if error.code not in _ABSENT:
                    raise
                return None
        return StoredObject(
            key=key,
            size_bytes=found.content_length,
            content_type=found.content_type or "",
            content_disposition=found.headers.get("Content-Disposition", ""),
            crc64=found.server_crc,
        )

    def delete(self, key: str) -> None:
        """Remove an object."""
        check_key(key)
        with self._connection.asked() as bucket:
            bucket.delete_object(key).resp.read()  # or the connection can't be used again

    def open_range(self, key: str, start: int) -> ByteStream:
        """Open an object's bytes from ``start`` on; raise NOT_FOUND."""
        check_key(key)
        with self._connection.asked() as bucket, _absence_told():
            try:
                answer = bucket.get_object(
                    key,
                    byte_range=(start, None) if start else None,
                    headers=_RANGES_AS_IN_RFC_9110,
                )
            except oss2.exceptions.ServerError as error:
                if error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return io.BytesIO()  # it starts at the end
                raise
        stream = OssStream(self._connection, answer.resp.response.raw)
        if start and answer.status != HTTPStatus.PARTIAL_CONTENT:
            stream.close()
            raise StorageFault(
                FaultKind.TRANSIENT, "The storage gives other bytes than asked for."
            )
        return stream

    def signed_url(self, stored: StoredObject, expires_in_seconds: int) -> str:
        """Sign an address at the public endpoint: for 7 days at most, and while the keys live."""
        check_key(stored.key)
        if not 1 <= expires_in_seconds <= MAX_SIGNED_SECONDS:
            message = f"A signed address lasts from 1 to {MAX_SIGNED_SECONDS} seconds."
            context = {"expires_in_seconds": expires_in_seconds}
            raise StorageFault(FaultKind.REFUSED, message, context=context)
        named = {
            "response-content-disposition": stored.content_disposition,
            "response-content-type": stored.content_type,
        }
        # who may read without a signature may not choose headers
        chosen = {} if self._bucket.public else named
        params = {name: value for name, value in chosen.items() if value}
        with self._connection.translated():
            url: str = self._connection.for_links.sign_url(
                "GET", stored.key, expires_in_seconds, params=params, slash_safe=True
            )
        return url.removesuffix("?")

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """List the objects below ``prefix``, page by page."""
        with self._connection.asked() as bucket:
            listed = oss2.ObjectIteratorV2(
                bucket, f"{prefix}/", max_keys=self._bucket.page_entries, max_retries=1
            )
            for found in listed:
                yield ListedObject(
                    key=found.key,
                    size_bytes=found.size,
                    modified_at=datetime.fromtimestamp(found.last_modified, UTC),
                )

    def health(self) -> None:
        """Ask for one key: whether the bucket is there and knows the credentials."""
        with self._connection.asked() as bucket:
            bucket.list_objects_v2(prefix=f"{self._bucket.prefix}/", max_keys=1)


class OssStream:
    """The bytes of an object as they arrive: a ``ports.ByteStream``."""

    def __init__(self, connection: OssConnection, body: Any) -> None:  # noqa: ANN401  urllib3's
        self._connection = connection
        self._body = body

    def read(self, max_bytes: int) -> bytes:
        """Give at most ``max_bytes``; b"" at the end; raise TRANSIENT if it breaks off before."""
        with self._connection.translated():
            block: bytes = self._body.read(max_bytes)
        return block

    def close(self) -> None:
        """Let go of the connection."""
        self._body.close()


@contextlib.contextmanager
def _opened(path: str) -> Iterator[FileSpan]:
    try:
        source = FileSpan(path, 0, Path(path).stat().st_size)
    except OSError as error:
        message = "The finished file could not be read."
        raise StorageFault(FaultKind.REFUSED, message) from error
    with contextlib.closing(source):
        yield source


@contextlib.contextmanager
def _absence_told() -> Iterator[None]:
    try:
        yield
    except oss2.exceptions.NoSuchKey as error:
        raise not_in_storage() from error
