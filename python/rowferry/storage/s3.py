"""Objects in Amazon S3, and in what speaks its protocol: by boto3.

A key that has an object is written over. Keys are unique to an attempt of a task, which makes
equal bytes each time, so nothing is lost by it, and no conditional writes are needed: not every
server of this protocol has them.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.file_span import FileSpan
from rowferry.ports import ByteStream, ListedObject, NewObject, StoredObject
from rowferry.storage.object_keys import check_key, not_in_storage
from rowferry.storage.s3_connection import S3Bucket, S3Connection, body_of, content_md5, md5_of
from rowferry.storage.s3_faults import translated
from rowferry.storage.s3_uploads import S3Uploads

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import TagTypeDef

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
MAX_SIGNED_SECONDS: Final = 604_800
_ABSENT: Final = frozenset({"404", "NoSuchKey"})
_BEYOND_THE_END: Final = "InvalidRange"


class S3Storage:
    """An ``ObjectStorage`` in a bucket of S3."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._connection = S3Connection(bucket)
        self._bucket = bucket.bucket
        self.multipart: Final = S3Uploads(self._connection)

    def put(self, path: str, new: NewObject) -> None:
        """Send the file at ``path`` in one request: 5 GiB at most. The file stays."""
        check_key(new.key)
        with self._connection.asked() as client:
            source = FileSpan(path, 0, Path(path).stat().st_size)
            try:
                client.put_object(
                    Bucket=self._bucket,
                    Key=new.key,
                    ContentType=new.content_type,
                    ContentDisposition=new.content_disposition,
                    ContentMD5=content_md5(md5_of(source)),
                    Body=body_of(source),
                )
            finally:
                source.close()

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Write all of an object's tags; raise NOT_FOUND. Nothing where the storage has none."""
        check_key(key)
        if not self._connection.bucket.object_tags:
            return
        named: list[TagTypeDef] = [{"Key": name, "Value": tags[name]} for name in tags]
        with self._connection.asked() as client, _absence_told():
            client.put_object_tagging(Bucket=self._bucket, Key=key, Tagging={"TagSet": named})

    def tags(self, key: str) -> Mapping[str, str]:
        """Give an object's tags; raise NOT_FOUND."""
        check_key(key)
        if not self._connection.bucket.object_tags:
            return {}
        with self._connection.asked() as client, _absence_told():
            answer = client.get_object_tagging(Bucket=self._bucket, Key=key)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def head(self, key: str) -> StoredObject | None:
        """Look an object up."""
        check_key(key)
        with self._connection.asked() as client:
            answer = _head(client, self._bucket, key)
        if answer is None:
            return None
        return StoredObject(
            key=key,
            size_bytes=answer["ContentLength"],
            content_type=answer.get("ContentType", ""),
            content_disposition=answer.get("ContentDisposition", ""),
        )

    def delete(self, key: str) -> None:
        """Remove an object."""
        check_key(key)
        with self._connection.asked() as client:
            client.delete_object(Bucket=self._bucket, Key=key)

    def open_range(self, key: str, start: int) -> ByteStream:
        """Open an object's bytes from ``start`` on; raise NOT_FOUND."""
        check_key(key)
        # An empty object has no range at all.
        wanted: Any = {"Range": f"bytes={start}-"} if start else {}
        with self._connection.asked() as client, _absence_told():
            try:
                answer = client.get_object(Bucket=self._bucket, Key=key, **wanted)
            except ClientError as error:
                if _code(error) == _BEYOND_THE_END:
                    return io.BytesIO()
                raise
        return S3Stream(answer["Body"])

    def signed_url(self, stored: StoredObject, expires_in_seconds: int) -> str:
        """Sign an address by the public endpoint: for 7 days at most, and while the keys live."""
        check_key(stored.key)
        if not 1 <= expires_in_seconds <= MAX_SIGNED_SECONDS:
            message = f"A signed address lasts from 1 to {MAX_SIGNED_SECONDS} seconds."
            raise StorageFault(
                FaultKind.REFUSED, message, context={"expires_in_seconds": expires_in_seconds}
            )
        named = {"Bucket": self._bucket, "Key": stored.key}
        if not self._connection.bucket.public:  # where they would have to be signed
            named["ResponseContentDisposition"] = stored.content_disposition
            if stored.content_type:
                named["ResponseContentType"] = stored.content_type
        with self._connection.asked_for_links() as client:
            return client.generate_presigned_url(
                "get_object", Params=named, ExpiresIn=expires_in_seconds
            )

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """List the objects below ``prefix``, page by page."""
        with self._connection.asked() as client:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=f"{prefix}/",
                PaginationConfig={"PageSize": self._connection.bucket.page_entries},
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    yield ListedObject(
                        key=found["Key"],
                        size_bytes=found["Size"],
                        modified_at=found["LastModified"],
                    )

    def health(self) -> None:
        """Ask for one key, as a listing: whether the bucket is there and knows the credentials."""
        with self._connection.asked() as client:
            prefix = f"{self._connection.bucket.prefix}/"
            client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)


class S3Stream:
    """The bytes of an object as they arrive: a ``ports.ByteStream``."""

    def __init__(self, body: "StreamingBody") -> None:
        self._body = body

    def read(self, max_bytes: int) -> bytes:
        """Give at most ``max_bytes``; b"" at the end; raise TRANSIENT if it breaks off before."""
        with translated():
            return self._body.read(max_bytes)

    def close(self) -> None:
        """Let go of the connection."""
        self._body.close()


def _head(client: "S3Client", bucket: str, key: str) -> Mapping[str, Any] | None:
    try:
        return client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if _code(error) in _ABSENT:
            return None
        # A HEAD is refused without a reason: GET is refused for the same one.
        client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"].close()
        raise


@contextlib.contextmanager
def _absence_told() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _code(error) in _ABSENT:
            raise not_in_storage() from error
        raise


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
