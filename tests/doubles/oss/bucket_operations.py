"""Operations on buckets: lists of objects, what a bucket is, its lifecycle rules."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from tests.doubles.oss.documents import document, iso_time, parsed, yes_no
from tests.doubles.oss.listing import Page, page
from tests.doubles.oss.oss_errors import OssError, invalid_argument
from tests.doubles.oss.oss_request import Answer, OssRequest
from tests.doubles.oss.shown_names import NameEncoding
from tests.doubles.oss.store import Bucket, Store, StoredObject

_OWNER: Final = {"ID": "0022012", "DisplayName": "rowferry"}
_DEFAULT_LISTED: Final = 100
_MOST_LISTED: Final = 1000


def list_objects(store: Store, request: OssRequest) -> Answer:
    """ListObjects, ListObjectsV2 (``list-type=2``)."""
    if request.query.get("list-type") == "2":
        return _list_objects_v2(store, request)
    marker = request.query.get("marker", "")
    listed = _listed(store, request, after=marker)
    names = NameEncoding.asked_for(request)
    content = {**_list_head(request, names), "Marker": names.shown(marker)}
    if listed.is_truncated:
        content["NextMarker"] = names.shown(listed.last)
    content |= _list_content(listed, names, with_owner=True)
    return Answer(content=document("ListBucketResult", content))


def bucket_info(store: Store, request: OssRequest) -> Answer:
    """GetBucketInfo."""
    with store.bucket(request.bucket) as bucket:
        content = {"Bucket": _bucket_element(bucket, store.region)}
    return Answer(content=document("BucketInfo", content))


def head_bucket(store: Store, request: OssRequest) -> Answer:
    """HEAD of a bucket: whether it is there."""
    with store.bucket(request.bucket):
        return Answer(headers={"x-oss-bucket-region": f"oss-{store.region}"})


def bucket_location(store: Store, request: OssRequest) -> Answer:
    """GetBucketLocation."""
    with store.bucket(request.bucket):
        return Answer(content=document("LocationConstraint", {}, text=f"oss-{store.region}"))


def list_buckets(store: Store, request: OssRequest) -> Answer:
    """ListBuckets (GetService)."""
    with store.locked():
        listed = [
            {
                "Name": bucket.name,
                "CreationDate": iso_time(bucket.created_at),
                "Location": f"oss-{store.region}",
                "Region": store.region,
                "StorageClass": "Standard",
                **_endpoints(store.region),
            }
            for bucket in store.buckets.values()
            if not bucket.gone
        ]
    content = {"Owner": _OWNER, "Buckets": {"Bucket": listed}}
    return Answer(content=document("ListAllMyBucketsResult", content))


def put_lifecycle(store: Store, request: OssRequest) -> Answer:
    """PutBucketLifecycle: kept as it came, if it is such a document."""
    rules = request.document()
    parsed(rules, "LifecycleConfiguration")
    with store.bucket(request.bucket) as bucket:
        bucket.lifecycle = rules
    return Answer()


def get_lifecycle(store: Store, request: OssRequest) -> Answer:
    """GetBucketLifecycle."""
    with store.bucket(request.bucket) as bucket:
        if not bucket.lifecycle:
            message = "No Row found in Lifecycle Table."
            raise OssError(404, "NoSuchLifecycle", message, ec="0014-00000401")
        return Answer(content=bucket.lifecycle)


def delete_lifecycle(store: Store, request: OssRequest) -> Answer:
    """DeleteBucketLifecycle."""
    with store.bucket(request.bucket) as bucket:
        bucket.lifecycle = b""
    return Answer(status=204)


def _list_objects_v2(store: Store, request: OssRequest) -> Answer:
    query = request.query
    token, start_after = query.get("continuation-token", ""), query.get("start-after", "")
    listed = _listed(store, request, after=_after(token) if token else start_after)
    names = NameEncoding.asked_for(request)
    content = {**_list_head(request, names), "StartAfter": names.shown(start_after)}
    if token:
        content["ContinuationToken"] = token
    if listed.is_truncated:
        content["NextContinuationToken"] = _token(listed.last)
    content["KeyCount"] = len(listed.entries) + len(listed.prefixes)
    content |= _list_content(listed, names, with_owner=query.get("fetch-owner") == "true")
    return Answer(content=document("ListBucketResult", content))


def _listed(store: Store, request: OssRequest, *, after: str) -> Page[StoredObject]:
    most = request.number("max-keys", _DEFAULT_LISTED, _MOST_LISTED)
    with store.bucket(request.bucket) as bucket:
        objects = sorted(bucket.objects.values(), key=_name_of)
    return page(
        objects,
        _name_of,
        prefix=request.query.get("prefix", ""),
        delimiter=request.query.get("delimiter", ""),
        after=after,
        limit=most,
    )


def _list_head(request: OssRequest, names: NameEncoding) -> dict[str, object]:
    query = request.query
    return {
        **names.element,
        "Name": request.bucket,
        "Prefix": names.shown(query.get("prefix", "")),
        "MaxKeys": query.get("max-keys") or _DEFAULT_LISTED,
        "Delimiter": names.shown(query.get("delimiter", "")),
    }


def _list_content(
    listed: Page[StoredObject], names: NameEncoding, *, with_owner: bool
) -> dict[str, object]:
    return {
        "IsTruncated": yes_no(listed.is_truncated),
        "Contents": [
            _object_element(stored, names, with_owner=with_owner) for stored in listed.entries
        ],
        "CommonPrefixes": [{"Prefix": names.shown(prefix)} for prefix in listed.prefixes],
    }


def _object_element(
    stored: StoredObject, names: NameEncoding, *, with_owner: bool
) -> Mapping[str, object]:
    owner = {"Owner": _OWNER} if with_owner else {}
    return {
        "Key": names.shown(stored.key),
        "LastModified": iso_time(stored.modified_at),
        "ETag": f'"{stored.etag}"',
        "Type": "Multipart" if stored.in_parts else "Normal",
        "Size": stored.body.size_bytes,
        "StorageClass": "Standard",
        **owner,
    }


def _bucket_element(bucket: Bucket, region: str) -> Mapping[str, object]:
    return {
        "Name": bucket.name,
        "CreationDate": iso_time(bucket.created_at),
        "Location": f"oss-{region}",
        **_endpoints(region),
        "StorageClass": "Standard",
        "DataRedundancyType": "LRS",
        "Owner": _OWNER,
        "AccessControlList": {"Grant": "public-read" if bucket.public_read else "private"},
    }


def _endpoints(region: str) -> Mapping[str, str]:
    return {
        "ExtranetEndpoint": f"oss-{region}.aliyuncs.com",
        "IntranetEndpoint": f"oss-{region}-internal.aliyuncs.com",
    }


def _token(last: str) -> str:
    return base64.b64encode(last.encode()).decode()


def _after(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_argument("The continuation token is invalid.") from None


def _name_of(stored: StoredObject) -> str:
    return stored.key
