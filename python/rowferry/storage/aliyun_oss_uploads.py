"""Uploads in parts to OSS: each part's checksum is compared with what OSS answers."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.ports import NewObject, Part, PartSource, Upload
from rowferry.storage.aliyun_oss_connection import OssConnection
from rowferry.storage.aliyun_oss_faults import damaged
from rowferry.storage.lean_oss2 import oss2
from rowferry.storage.object_keys import check_key

# https://www.alibabacloud.com/help/en/oss/user-guide/multipart-upload
MIN_PART_BYTES: Final = 100 << 10
MAX_PARTS: Final = 10_000
NEVER_OVER_ANOTHER: Final = {"x-oss-forbid-overwrite": "true"}
_BLOCK_BYTES: Final = 256 << 10
_NO_RULES: Final = "NoSuchLifecycle"


class OssUploads:
    """The uploads in parts of an ``AliyunOssStorage``."""

    min_part_bytes: Final = MIN_PART_BYTES
    max_parts: Final = MAX_PARTS

    def __init__(self, connection: OssConnection) -> None:
        self._connection = connection
        self._page_entries = connection.bucket.page_entries

    def start(self, new: NewObject) -> Upload:
        """Begin an upload."""
        check_key(new.key)
        with self._connection.asked() as bucket:
            begun = bucket.init_multipart_upload(new.key, headers=described(new))
        return Upload(key=new.key, upload_id=begun.upload_id)

    def put_part(self, upload: Upload, number: int, source: PartSource) -> Part:
        """Send a part; bytes that changed on their way are TRANSIENT."""
        source.rewind()
        with self._connection.asked() as bucket:
            answer = bucket.upload_part(upload.key, upload.upload_id, number, source)
        if answer.crc is not None and answer.crc != source.crc64:
            raise damaged()
        return Part(number=number, size_bytes=len(source), etag=answer.etag, crc64=source.crc64)

    def parts(self, upload: Upload) -> Sequence[Part]:
        """List the parts there are, by number; UPLOAD_GONE."""
        with self._connection.asked() as bucket:
            listed = oss2.PartIterator(
                bucket, upload.key, upload.upload_id, max_parts=self._page_entries, max_retries=1
            )
            return [
                Part(number=part.part_number, size_bytes=part.size, etag=part.etag)
                for part in listed
            ]

    def holds(self, part: Part, source: PartSource) -> bool:
        """Compare size and MD5, which a part's tag is: oss2 drops the checksums of a listing."""
        if part.size_bytes != len(source):
            return False
        source.rewind()
        digest = hashlib.md5(usedforsecurity=False)
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
        return digest.hexdigest() == part.etag.lower()

    def complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        """Make the parts, in order, the object."""
        listed = [oss2.models.PartInfo(part.number, part.etag) for part in parts]
        with self._connection.asked() as bucket:
            answer = bucket.complete_multipart_upload(
                upload.key, upload.upload_id, listed, headers=NEVER_OVER_ANOTHER
            )
            answer.resp.read()  # or the connection can't be used again

    def abort(self, upload: Upload) -> None:
        """Drop an upload and its parts."""
        try:
            with self._connection.asked() as bucket:
                answer = bucket.abort_multipart_upload(upload.key, upload.upload_id)
                answer.resp.read()  # or the connection can't be used again
        except StorageFault as fault:
            if fault.kind is not FaultKind.UPLOAD_GONE:
                raise

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """List the uploads under way, page by page."""
        with self._connection.asked() as bucket:
            listed = oss2.MultipartUploadIterator(
                bucket, f"{prefix}/", max_uploads=self._page_entries, max_retries=1
            )
            for found in listed:
                yield Upload(
                    key=found.key,
                    upload_id=found.upload_id,
                    started_at=datetime.fromtimestamp(found.initiation_date, UTC),
                )

    def stale_upload_days(self, prefix: str) -> int | None:
        """Give the days after which the bucket aborts uploads below ``prefix``; None = never."""
        try:
            with self._connection.asked() as bucket:
                rules = bucket.get_bucket_lifecycle().rules
        except StorageFault as fault:
            if fault.reason == _NO_RULES:
                return None
            raise
        in_force = (
            rule.abort_multipart_upload.days
            for rule in rules
            if rule.abort_multipart_upload is not None
            and rule.status == oss2.models.LifecycleRule.ENABLED
            and f"{prefix}/".startswith(rule.prefix)
        )
        return min((days for days in in_force if days is not None), default=None)


def described(new: NewObject) -> dict[str, str]:
    """Give the headers of an object that is to be."""
    return {"Content-Type": new.content_type, "Content-Disposition": new.content_disposition}
