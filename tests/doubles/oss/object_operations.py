"""Operations on whole objects: put, get, head, delete, tags."""

import base64
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

from tests.doubles.oss.bodies import StoredBody, damaged, receive
from tests.doubles.oss.documents import document
from tests.doubles.oss.faults import FaultKind
from tests.doubles.oss.oss_errors import OssError, invalid_argument, not_implemented
from tests.doubles.oss.oss_request import Answer, BodyRange, OssRequest
from tests.doubles.oss.ranges import chosen_range
from tests.doubles.oss.store import Store, StoredObject
from tests.doubles.oss.tags import tags_of_document, tags_of_header

CRC_HEADER: Final = "x-oss-hash-crc64ecma"
_META: Final = "x-oss-meta-"
_MOST_META_BYTES: Final = 8 * 1024
_MOST_KEY_BYTES: Final = 1023
_KEPT_HEADERS: Final = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)


def put(store: Store, request: OssRequest) -> Answer:
    """PutObject."""
    headers, tags = kept_headers(request), tags_of_header(request.header("x-oss-tagging"))
    forbid_overwrite = forbids_overwriting(request)
    with store.bucket(request.bucket) as bucket:
        if forbid_overwrite:
            bucket.refuse_overwriting(request.key)
    sent, kept = receive_body(store, request)
    stored = StoredObject(
        key=request.key,
        body=kept,
        etag=store.etag_of(sent),
        modified_at=request.now,
        headers=headers,
        tags=tags,
        in_parts=False,
    )
    try:
        with store.bucket(request.bucket) as bucket:
            bucket.put(stored, forbid_overwrite=forbid_overwrite)
    except OssError:
        kept.delete()
        raise
    return Answer(headers={"etag": f'"{stored.etag}"', CRC_HEADER: str(sent.crc64)})


def get(store: Store, request: OssRequest) -> Answer:
    """GetObject, HeadObject: whole or a range."""
    with store.bucket(request.bucket) as bucket:
        stored = bucket.object(request.key)
    size = stored.body.size_bytes
    headers = {
        **_headers_of(stored),
        **_overridden_headers(request),
        "accept-ranges": "bytes",
    }
    standard = request.header("x-oss-range-behavior") == "standard"
    chosen = chosen_range(request.header("range"), size, standard=standard)
    if chosen is None:
        return Answer(headers=headers, content=BodyRange(body=stored.body, start=0, end=size))
    start, end = chosen
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    content = BodyRange(body=stored.body, start=start, end=end)
    return Answer(status=206, headers=headers, content=content)


def meta(store: Store, request: OssRequest) -> Answer:
    """GetObjectMeta: size, ETag, time and CRC alone."""
    with store.bucket(request.bucket) as bucket:
        stored = bucket.object(request.key)
    shown = ("etag", "last-modified", CRC_HEADER)
    headers = {name: value for name, value in _headers_of(stored).items() if name in shown}
    content = BodyRange(body=stored.body, start=0, end=stored.body.size_bytes)
    return Answer(headers=headers, content=content)


def delete(store: Store, request: OssRequest) -> Answer:
    """DeleteObject: an object that is not there is deleted too."""
    with store.bucket(request.bucket) as bucket:
        bucket.delete(request.key)
    return Answer(status=204)


def put_tagging(store: Store, request: OssRequest) -> Answer:
    """PutObjectTagging: all tags are replaced."""
    return _tagged(store, request, tags_of_document(request.document()))


def delete_tagging(store: Store, request: OssRequest) -> Answer:
    """DeleteObjectTagging."""
    _tagged(store, request, {})
    return Answer(status=204)


def get_tagging(store: Store, request: OssRequest) -> Answer:
    """GetObjectTagging."""
    with store.bucket(request.bucket) as bucket:
        tags = bucket.object(request.key).tags
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return Answer(content=document("Tagging", {"TagSet": {"Tag": listed}}))


def receive_body(store: Store, request: OssRequest) -> tuple[StoredBody, StoredBody]:
    """Receive a request's body; give it as it is told to the client, and as it is kept."""
    if "x-oss-copy-source" in request.headers:
        raise not_implemented("Copies are not implemented.")
    expected_md5 = request.header("content-md5")
    with_md5 = store.md5_etags or bool(expected_md5)
    sent = receive(request.body, store.folder, with_md5=with_md5)
    if expected_md5 and base64.b64encode(sent.md5).decode() != expected_md5:
        sent.delete()
        message = "The Content-MD5 you specified did not match what we received."
        raise OssError(400, "InvalidDigest", message, ec="0016-00000502")
    if request.suffers(FaultKind.DAMAGED_ON_THE_WAY):
        sent = damaged(sent)
    return sent, damaged(sent) if request.suffers(FaultKind.DAMAGED_ON_DISK) else sent


def kept_headers(request: OssRequest) -> dict[str, str]:
    """Give the headers that an object keeps; raises if its key or they are too long."""
    if len(request.key.encode()) > _MOST_KEY_BYTES or request.key[0] in "/\\":
        details = {"ObjectName": request.key}
        message = "The specified object is not valid."
        raise OssError(400, "InvalidObjectName", message, ec="0016-00000101", details=details)
    headers = request.headers
    meta = {name: value for name, value in headers.items() if name.startswith(_META)}
    if sum(len(name) + len(value.encode()) for name, value in meta.items()) > _MOST_META_BYTES:
        raise OssError(400, "MetadataTooLarge", "Your metadata headers exceed the maximum.")
    return {name: headers[name] for name in _KEPT_HEADERS if name in headers} | meta


def forbids_overwriting(request: OssRequest) -> bool:
    """Read x-oss-forbid-overwrite."""
    text = request.header("x-oss-forbid-overwrite").lower()
    if text not in {"", "true", "false"}:
        raise invalid_argument("x-oss-forbid-overwrite must be true or false.")
    return text == "true"


def _tagged(store: Store, request: OssRequest, tags: Mapping[str, str]) -> Answer:
    with store.bucket(request.bucket) as bucket:
        bucket.tag(request.key, tags)
    return Answer()


def _headers_of(stored: StoredObject) -> dict[str, str]:
    headers = {
        "content-type": "application/octet-stream",
        **stored.headers,
        "etag": f'"{stored.etag}"',
        "last-modified": formatdate(stored.modified_at, usegmt=True),
        "x-oss-object-type": "Multipart" if stored.in_parts else "Normal",
        "x-oss-storage-class": "Standard",
        CRC_HEADER: str(stored.body.crc64),
    }
    if stored.body.md5:
        headers["content-md5"] = base64.b64encode(stored.body.md5).decode()
    if stored.tags:
        headers["x-oss-tagging-count"] = str(len(stored.tags))
    return headers


def _overridden_headers(request: OssRequest) -> dict[str, str]:
    chosen = {
        name: request.query[f"response-{name}"]
        for name in _KEPT_HEADERS
        if f"response-{name}" in request.query
    }
    if chosen and not request.is_signed:
        message = "Request-specific response headers cannot be used for anonymous GET requests."
        raise OssError(400, "InvalidRequest", message, ec="0016-00000203")
    if any("\r" in value or "\n" in value for value in chosen.values()):
        raise invalid_argument("A response header has no line breaks.")
    return chosen
