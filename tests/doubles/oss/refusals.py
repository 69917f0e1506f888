"""Errors as answers."""

import base64
import uuid

from tests.doubles.oss.documents import document
from tests.doubles.oss.oss_errors import OssError
from tests.doubles.oss.oss_request import Answer


def new_request_id() -> str:
    """Make an x-oss-request-id."""
    return uuid.uuid4().hex[:24].upper()


def refusal(error: OssError, *, method: str, host: str, request_id: str) -> Answer:
    """Make the answer that tells an error; one without a code is a proxy's, not OSS's own."""
    if not error.code:
        return Answer(status=error.status)
    content = document(
        "Error",
        {
            "Code": error.code,
            "Message": error.message,
            "RequestId": request_id,
            "HostId": host,
            **error.details,
            **({"EC": error.ec} if error.ec else {}),
        },
    )
    headers = {"content-type": "application/xml"}
    if error.ec:
        headers["x-oss-ec"] = error.ec
    if method == "HEAD":
        headers["x-oss-err"] = base64.b64encode(content).decode()
        content = b""
    return Answer(status=error.status, headers=headers, content=content)
