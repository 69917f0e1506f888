"""Operations on uploads in parts.

https://www.alibabacloud.com/help/en/oss/developer-reference/multipart-upload-operations
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from tests.doubles.oss.bodies import joined
from tests.doubles.oss.documents import document, iso_time, parsed, text_of, yes_no
from tests.doubles.oss.faults import FaultKind
from tests.doubles.oss.listing import page
from tests.doubles.oss.object_operations import (
    CRC_HEADER,
    forbids_overwriting,
    kept_headers,
    receive_body,
)
from tests.doubles.oss.oss_errors import OssError, malformed_xml
from tests.doubles.oss.oss_request import Answer, OssRequest
from tests.doubles.oss.shown_names import NameEncoding
from tests.doubles.oss.store import Part, Store, StoredObject, Upload, new_upload_id
from tests.doubles.oss.tags import tags_of_header

MIN_PART_BYTES: Final = 100 * 1024
MAX_PARTS: Final = 10_000
_MOST_LISTED: Final = 1000
_AFTER_ALL_IDS: Final = "\U0010ffff"


def init(store: Store, request: OssRequest) -> Answer:
    """InitiateMultipartUpload."""
    upload = Upload(
        key=request.key,
        upload_id=new_upload_id(),
        started_at=request.now,
        headers=kept_headers(request),
        tags=tags_of_header(request.header("x-oss-tagging")),
    )
    with store.bucket(request.bucket) as bucket:
        if forbids_overwriting(request):
            bucket.refuse_overwriting(request.key)
        bucket.uploads[upload.upload_id] = upload
    names = NameEncoding.asked_for(request)
    content = {
        **names.element,
        "Bucket": request.bucket,
        "Key": names.shown(request.key),
        "UploadId": upload.upload_id,
    }
    return Answer(content=document("InitiateMultipartUploadResult", content))


def put_part(store: Store, request: OssRequest) -> Answer:
    """UploadPart."""
    number = request.number("partNumber", 0, MAX_PARTS)
    with store.bucket(request.bucket) as bucket:
        upload = bucket.upload(request.key, request.query["uploadId"])
    sent, kept = receive_body(store, request)
    part = Part(number=number, body=kept, etag=store.etag_of(sent), modified_at=request.now)
    if request.suffers(FaultKind.LOSE_PART):
        kept.delete()
    else:
        _add_part(store, request, upload, part)
    return Answer(headers={"etag": f'"{part.etag}"', CRC_HEADER: str(sent.crc64)})


def complete(store: Store, request: OssRequest) -> Answer:
    """CompleteMultipartUpload: the object appears, the upload is gone."""
    wanted = _wanted_parts(request.document())
    forbid_overwrite = forbids_overwriting(request)
    with store.bucket(request.bucket) as bucket:
        upload = bucket.upload(request.key, request.query["uploadId"])
        parts = [_wanted_part(upload, number, etag) for number, etag in wanted]
        _check_sizes(parts)
        stored = _object_of(upload, parts, request.now)
        bucket.put(stored, forbid_overwrite=forbid_overwrite)
        del bucket.uploads[upload.upload_id]
        for part in parts:
            del upload.parts[part.number]
        upload.delete()
    names = NameEncoding.asked_for(request)
    content = {
        **names.element,
        "Location": f"http://{request.header('host')}/{request.key}",
        "Bucket": request.bucket,
        "Key": names.shown(request.key),
        "ETag": f'"{stored.etag}"',
    }
    headers = {"etag": f'"{stored.etag}"', CRC_HEADER: str(stored.body.crc64)}
    return Answer(headers=headers, content=document("CompleteMultipartUploadResult", content))


def abort(store: Store, request: OssRequest) -> Answer:
    """AbortMultipartUpload."""
    with store.bucket(request.bucket) as bucket:
        upload = bucket.upload(request.key, request.query["uploadId"])
        del bucket.uploads[upload.upload_id]
    upload.delete()
    return Answer(status=204)


def list_parts(store: Store, request: OssRequest) -> Answer:
    """ListParts."""
    most = request.number("max-parts", _MOST_LISTED, _MOST_LISTED)
    marker = request.number("part-number-marker", 0, MAX_PARTS, least=0)
    with store.bucket(request.bucket) as bucket:
        upload = bucket.upload(request.key, request.query["uploadId"])
        after = sorted((n, part) for n, part in upload.parts.items() if n > marker)
    listed = [part for _, part in after[:most]]
    names = NameEncoding.asked_for(request)
    content = {
        **names.element,
        "Bucket": request.bucket,
        "Key": names.shown(request.key),
        "UploadId": upload.upload_id,
        "StorageClass": "Standard",
        "PartNumberMarker": marker,
        "NextPartNumberMarker": listed[-1].number if listed else 0,
        "MaxParts": most,
        "IsTruncated": yes_no(len(after) > most),
        "Part": [_part_element(part) for part in listed],
    }
    return Answer(content=document("ListPartsResult", content))


def list_uploads(store: Store, request: OssRequest) -> Answer:
    """ListMultipartUploads."""
    query = request.query
    most = request.number("max-uploads", _MOST_LISTED, _MOST_LISTED)
    key_marker, id_marker = query.get("key-marker", ""), query.get("upload-id-marker", "")
    with store.bucket(request.bucket) as bucket:
        uploads = sorted(bucket.uploads.values(), key=_name_of)
    listed = page(
        uploads,
        _name_of,
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        after=f"{key_marker}\0{id_marker or _AFTER_ALL_IDS}" if key_marker else "",
        limit=most,
    )
    last_key, _, last_id = listed.last.partition("\0")
    names = NameEncoding.asked_for(request)
    content = {
        **names.element,
        "Bucket": request.bucket,
        "KeyMarker": names.shown(key_marker),
        "UploadIdMarker": id_marker,
        "NextKeyMarker": names.shown(last_key) if listed.is_truncated else "",
        "NextUploadIdMarker": last_id if listed.is_truncated else "",
        "Delimiter": names.shown(query.get("delimiter", "")),
        "Prefix": names.shown(query.get("prefix", "")),
        "MaxUploads": most,
        "IsTruncated": yes_no(listed.is_truncated),
        "Upload": [
            {
                "Key": names.shown(upload.key),
                "UploadId": upload.upload_id,
                "StorageClass": "Standard",
                "Initiated": iso_time(upload.started_at),
            }
            for upload in listed.entries
        ],
        "CommonPrefixes": [{"Prefix": names.shown(prefix)} for prefix in listed.prefixes],
    }
    return Answer(content=document("ListMultipartUploadsResult", content))


def _add_part(store: Store, request: OssRequest, upload: Upload, part: Part) -> None:
    try:
        with store.bucket(request.bucket) as bucket:
            bucket.add_part(upload, part)
    except OssError:
        # Aborted or completed while the body came.
        part.body.delete()
        raise


def _wanted_parts(body: bytes) -> list[tuple[int, str]]:
    elements = parsed(body, "CompleteMultipartUpload").findall("Part")
    try:
        wanted = [
            (int(text_of(element, "PartNumber")), text_of(element, "ETag").strip('" '))
            for element in elements
        ]
    except ValueError:
        raise malformed_xml("A PartNumber must be an integer.") from None
    if not wanted:
        raise malformed_xml("There is no part to complete.")
    if any(first >= second for (first, _), (second, _) in pairwise(wanted)):
        message = "The list of parts was not in ascending order."
        raise OssError(400, "InvalidPartOrder", message, ec="0042-00000204")
    return wanted


def _wanted_part(upload: Upload, number: int, etag: str) -> Part:
    part = upload.parts.get(number)
    if part is None or part.etag != etag.upper():
        message = (
            "One or more of the specified parts could not be found or the specified entity tag "
            "might not have matched the part's entity tag."
        )
        details = {"UploadId": upload.upload_id, "PartNumber": str(number)}
        raise OssError(400, "InvalidPart", message, ec="0042-00000205", details=details)
    return part


def _check_sizes(parts: Sequence[Part]) -> None:
    for part in parts[:-1]:
        if part.body.size_bytes < MIN_PART_BYTES:
            details = {
                "MinSizeAllowed": str(MIN_PART_BYTES),
                "ProposedSize": str(part.body.size_bytes),
                "PartNumber": str(part.number),
            }
            message = "Your proposed upload smaller than the minimum allowed size."
            raise OssError(400, "EntityTooSmall", message, ec="0042-00000206", details=details)


def _object_of(upload: Upload, parts: Sequence[Part], now: float) -> StoredObject:
    etags = "".join(part.etag for part in parts)
    digest = hashlib.md5(etags.encode(), usedforsecurity=False).hexdigest().upper()
    return StoredObject(
        key=upload.key,
        body=joined([part.body for part in parts]),
        etag=f"{digest}-{len(parts)}",
        modified_at=now,
        headers=upload.headers,
        tags=upload.tags,
        in_parts=True,
    )


def _part_element(part: Part) -> dict[str, object]:
    return {
        "PartNumber": part.number,
        "LastModified": iso_time(part.modified_at),
        "ETag": f'"{part.etag}"',
        "HashCrc64ecma": part.body.crc64,
        "Size": part.body.size_bytes,
    }


def _name_of(upload: Upload) -> str:
    return f"{upload.key}\0{upload.upload_id}"
