"""What OSS answers when it refuses: codes, statuses and EC numbers as its documentation has them.

https://www.alibabacloud.com/help/en/oss/support/http-status-code/
"""

from collections.abc import Callable, Mapping
from functools import partial


class OssError(Exception):
    """A refusal. ``details`` are further elements of the document."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        ec: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.ec = ec
        self.details = details or {}


Refusal = Callable[[str], OssError]


def _refusal(status: int, code: str, ec: str = "") -> Refusal:
    return partial(OssError, status, code, ec=ec)


access_denied = _refusal(403, "AccessDenied", "0003-00000001")
invalid_argument = _refusal(400, "InvalidArgument")
invalid_tag = _refusal(400, "InvalidTag", "0017-00000010")
malformed_xml = _refusal(400, "MalformedXML", "0042-00000201")
not_implemented = _refusal(501, "NotImplemented")


def no_such_bucket(bucket: str) -> OssError:
    details = {"BucketName": bucket}
    message = "The specified bucket does not exist."
    return OssError(404, "NoSuchBucket", message, ec="0015-00000101", details=details)


def no_such_key(key: str) -> OssError:
    message = "The specified key does not exist."
    return OssError(404, "NoSuchKey", message, ec="0026-00000001", details={"Key": key})


def no_such_upload(upload_id: str) -> OssError:
    message = (
        "The specified upload does not exist. The upload ID may be invalid, "
        "or the upload may have been aborted or completed."
    )
    details = {"UploadId": upload_id}
    return OssError(404, "NoSuchUpload", message, ec="0042-00000002", details=details)


def file_already_exists(key: str) -> OssError:
    message = "The object you specified already exists and can not be overwritten."
    details = {"Key": key}
    return OssError(409, "FileAlreadyExists", message, ec="0026-00000121", details=details)


def public_endpoint_forbidden() -> OssError:
    message = (
        "The bucket must be accessed through a custom domain name: data operations through "
        "the default public endpoint are not allowed."
    )
    return OssError(400, "PublicEndpointForbidden", message, ec="0048-00000401")
