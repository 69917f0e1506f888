"""Which operation a request asks for: its method, whether it names an object, its subresource."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.doubles.oss import bucket_operations, multipart_operations, object_operations
from tests.doubles.oss.hosts import Target
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.oss_errors import not_implemented
from tests.doubles.oss.oss_request import Answer, OssRequest
from tests.doubles.oss.store import Store

Work = Callable[[Store, OssRequest], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """An operation and what does it."""

    operation: Operation
    work: Work


def _refuse(store: Store, request: OssRequest) -> Answer:
    raise not_implemented("A header you provided implies functionality that is not implemented.")


_UNKNOWN: Final = Route(Operation.UNKNOWN, _refuse)
_SERVICE: Final = {("GET", ""): Route(Operation.LIST_BUCKETS, bucket_operations.list_buckets)}
_BUCKET: Final = {
    ("GET", ""): Route(Operation.LIST, bucket_operations.list_objects),
    ("GET", "bucketInfo"): Route(Operation.BUCKET_INFO, bucket_operations.bucket_info),
    ("HEAD", ""): Route(Operation.HEAD_BUCKET, bucket_operations.head_bucket),
    ("GET", "location"): Route(Operation.BUCKET_LOCATION, bucket_operations.bucket_location),
    ("PUT", "lifecycle"): Route(Operation.PUT_LIFECYCLE, bucket_operations.put_lifecycle),
    ("GET", "lifecycle"): Route(Operation.GET_LIFECYCLE, bucket_operations.get_lifecycle),
    ("DELETE", "lifecycle"): Route(Operation.DELETE_LIFECYCLE, bucket_operations.delete_lifecycle),
    ("GET", "uploads"): Route(Operation.LIST_UPLOADS, multipart_operations.list_uploads),
}
_OBJECT: Final = {
    ("PUT", ""): Route(Operation.PUT, object_operations.put),
    ("GET", ""): Route(Operation.GET, object_operations.get),
    ("HEAD", ""): Route(Operation.HEAD, object_operations.get),
    ("HEAD", "objectMeta"): Route(Operation.HEAD, object_operations.meta),
    ("DELETE", ""): Route(Operation.DELETE, object_operations.delete),
    ("PUT", "tagging"): Route(Operation.PUT_TAGGING, object_operations.put_tagging),
    ("GET", "tagging"): Route(Operation.GET_TAGGING, object_operations.get_tagging),
    ("DELETE", "tagging"): Route(Operation.DELETE_TAGGING, object_operations.delete_tagging),
    ("POST", "uploads"): Route(Operation.INIT, multipart_operations.init),
    ("PUT", "uploadId"): Route(Operation.PUT_PART, multipart_operations.put_part),
    ("GET", "uploadId"): Route(Operation.LIST_PARTS, multipart_operations.list_parts),
    ("POST", "uploadId"): Route(Operation.COMPLETE, multipart_operations.complete),
    ("DELETE", "uploadId"): Route(Operation.ABORT, multipart_operations.abort),
}
_OTHER_FUNCTIONS: Final = frozenset(
    {"acl", "append", "copy", "cors", "delete", "restore", "symlink", "versions", "x-oss-process"}
)
_SUBRESOURCES: Final = frozenset(name for _, name in (*_BUCKET, *_OBJECT) if name)


def route_of(method: str, target: Target, query: Mapping[str, str]) -> Route:
    """Give the route of a request; what the double has not is answered NotImplemented."""
    if not target.bucket:
        return _SERVICE.get((method, ""), _UNKNOWN)
    if query.keys() & _OTHER_FUNCTIONS:
        return _UNKNOWN
    subresource = next((name for name in query if name in _SUBRESOURCES), "")
    routes = _OBJECT if target.key else _BUCKET
    return routes.get((method, subresource), _UNKNOWN)
