"""The operations of OSS that the double has."""

from enum import StrEnum


class Operation(StrEnum):
    """An operation, by the name that faults and counts use."""

    LIST_BUCKETS = "list_buckets"
    BUCKET_INFO = "bucket_info"
    HEAD_BUCKET = "head_bucket"
    BUCKET_LOCATION = "bucket_location"
    PUT_LIFECYCLE = "put_lifecycle"
    GET_LIFECYCLE = "get_lifecycle"
    DELETE_LIFECYCLE = "delete_lifecycle"
    LIST = "list"
    LIST_UPLOADS = "list_uploads"
    PUT = "put"
    GET = "get"
    HEAD = "head"
    DELETE = "delete"
    PUT_TAGGING = "tagging"
    GET_TAGGING = "get_tagging"
    DELETE_TAGGING = "delete_tagging"
    INIT = "init"
    PUT_PART = "put_part"
    LIST_PARTS = "list_parts"
    COMPLETE = "complete"
    ABORT = "abort"
    UNKNOWN = "unknown"
    """What OSS may have and the double has not."""
