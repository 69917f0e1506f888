"""What is in the double, as tests read it from the control port."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.doubles.oss.journal import SeenRequest
from tests.doubles.oss.service import OssService


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSnapshot:
    """A whole object."""

    bucket: str
    key: str
    size_bytes: int
    crc64: str
    """Decimal, as in x-oss-hash-crc64ecma."""
    etag: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    in_parts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSnapshot:
    """An upload that is neither complete nor aborted."""

    bucket: str
    key: str
    upload_id: str
    part_bytes: Mapping[int, int]
    """Sizes by part number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All there is."""

    objects: list[ObjectSnapshot]
    uploads: list[UploadSnapshot]
    requests: list[SeenRequest]
    faults_fired: Mapping[int, int]
    """How often each fault struck, by its number."""
    stored_files: int
    """Bodies on the disk: those of the objects and the uploads' parts, and of what comes in."""


def snapshot(service: OssService) -> Snapshot:
    """Look at everything."""
    store = service.store
    with store.locked():
        buckets = list(store.buckets.values())
        objects = [
            ObjectSnapshot(
                bucket=bucket.name,
                key=stored.key,
                size_bytes=stored.body.size_bytes,
                crc64=str(stored.body.crc64),
                etag=stored.etag,
                headers=stored.headers,
                tags=stored.tags,
                in_parts=stored.in_parts,
            )
            for bucket in buckets
            for stored in bucket.objects.values()
        ]
        uploads = [
            UploadSnapshot(
                bucket=bucket.name,
                key=upload.key,
                upload_id=upload.upload_id,
                part_bytes={n: part.body.size_bytes for n, part in upload.parts.items()},
            )
            for bucket in buckets
            for upload in bucket.uploads.values()
        ]
    return Snapshot(
        objects=objects,
        uploads=uploads,
        requests=service.journal.requests(),
        faults_fired=service.faults.fired(),
        stored_files=sum(1 for _ in store.folder.iterdir()),
    )
