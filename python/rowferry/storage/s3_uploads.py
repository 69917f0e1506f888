"""Uploads in parts to S3, each part under its MD5: a storage that received others refuses it.

A part is read twice, for its MD5 and to be sent, because the header goes first. That costs
about as much as hashing does, 1.5 CPU seconds a GB, outside the GIL.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.ports import NewObject, Part, PartSource, Upload
from rowferry.storage.object_keys import check_key
from rowferry.storage.s3_connection import S3Connection, body_of, content_md5, md5_of

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef, LifecycleRuleOutputTypeDef

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MIN_PART_BYTES: Final = 5 << 20
MAX_PARTS: Final = 10_000
# An entity tag is the MD5 of the bytes, unless the bucket encrypts with keys of KMS or a client's.
_NO_RULES: Final = "NoSuchLifecycleConfiguration"
_MD5_TAG: Final = re.compile(r'"?([0-9a-f]{32})"?')


class S3Uploads:
    """The uploads in parts of an ``S3Storage``."""

    min_part_bytes: Final = MIN_PART_BYTES
    max_parts: Final = MAX_PARTS

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection
        self._bucket = connection.bucket.bucket

    def start(self, new: NewObject) -> Upload:
        """Begin an upload."""
        check_key(new.key)
        with self._connection.asked() as client:
            answer = client.create_multipart_upload(
                Bucket=self._bucket,
                Key=new.key,
                ContentType=new.content_type,
                ContentDisposition=new.content_disposition,
            )
        return Upload(key=new.key, upload_id=answer["UploadId"])

    def put_part(self, upload: Upload, number: int, source: PartSource) -> Part:
        """Send a part; bytes that changed on their way are refused as TRANSIENT."""
        with self._connection.asked() as client:
            digest = md5_of(source)
            answer = client.upload_part(
                Bucket=self._bucket,
                Key=upload.key,
                UploadId=upload.upload_id,
                PartNumber=number,
                ContentMD5=content_md5(digest),
                Body=body_of(source),
            )
        return Part(number=number, size_bytes=len(source), etag=answer["ETag"])

    def parts(self, upload: Upload) -> Sequence[Part]:
        """List the parts there are, by number; UPLOAD_GONE."""
        with self._connection.asked() as client:
            pages = client.get_paginator("list_parts").paginate(
                Bucket=self._bucket,
                Key=upload.key,
                UploadId=upload.upload_id,
                PaginationConfig={"PageSize": self._connection.bucket.page_entries},
            )
            return [
                Part(number=part["PartNumber"], size_bytes=part["Size"], etag=part["ETag"])
                for page in pages
                for part in page.get("Parts", ())
            ]

    def holds(self, part: Part, source: PartSource) -> bool:
        """Compare sizes and MD5; False where the part's tag is none."""
        tag = _MD5_TAG.fullmatch(part.etag)
        if tag is None or part.size_bytes != len(source):
            return False
        return md5_of(source).hex() == tag[1]

    def complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        """Make the parts, in order, the object."""
        named: list[CompletedPartTypeDef] = [
            {"PartNumber": part.number, "ETag": part.etag} for part in parts
        ]
        with self._connection.asked() as client:
            client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=upload.key,
                UploadId=upload.upload_id,
                MultipartUpload={"Parts": named},
            )

    def abort(self, upload: Upload) -> None:
        """Drop an upload and its parts."""
        try:
            with self._connection.asked() as client:
                client.abort_multipart_upload(
                    Bucket=self._bucket, Key=upload.key, UploadId=upload.upload_id
                )
        except StorageFault as fault:
            if fault.kind is not FaultKind.UPLOAD_GONE:
                raise

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """List the uploads under way, page by page."""
        with self._connection.asked() as client:
            pages = client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket,
                Prefix=f"{prefix}/",
                PaginationConfig={"PageSize": self._connection.bucket.page_entries},
            )
            for page in pages:
                for found in page.get("Uploads", ()):
                    yield Upload(
                        key=found["Key"],
                        upload_id=found["UploadId"],
                        started_at=found["Initiated"],
                    )

    def stale_upload_days(self, prefix: str) -> int | None:
        """Give the days after which the bucket aborts uploads below ``prefix``; None = never."""
        try:
            with self._connection.asked() as client:
                found = client.get_bucket_lifecycle_configuration(Bucket=self._bucket)
        except StorageFault as fault:
            if fault.reason == _NO_RULES:
                return None
            raise
        days = (
            rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
            for rule in found.get("Rules", ())
            if _is_about(rule, f"{prefix}/")
        )
        return min((each for each in days if each is not None), default=None)


def _is_about(rule: "LifecycleRuleOutputTypeDef", folder: str) -> bool:
    """Tell whether a rule is in force below a folder; uploads have no tags to choose them by."""
    chosen = rule.get("Filter", {})
    by_prefix = chosen.get("Prefix", "") or rule.get("Prefix", "")
    is_general = set(chosen) <= {"Prefix"}
    return rule.get("Status") == "Enabled" and is_general and folder.startswith(by_prefix)
