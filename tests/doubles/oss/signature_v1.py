"""Version 1 of OSS's signatures, in the Authorization header or in the query.

https://www.alibabacloud.com/help/en/oss/developer-reference/include-signatures-in-the-authorization-header
"""

import base64
import hashlib
import hmac
from email.utils import parsedate_to_datetime
from typing import Final

from tests.doubles.oss.claims import Claim, Signable, check_expiry, check_skew, malformed

_SCHEME: Final = "OSS "
_SIGNED_PARAMETERS: Final = frozenset(
    {
        "acl",
        "append",
        "bucketInfo",
        "callback",
        "callback-var",
        "cname",
        "continuation-token",
        "cors",
        "delete",
        "encryption",
        "endTime",
        "lifecycle",
        "live",
        "location",
        "logging",
        "objectMeta",
        "partNumber",
        "policy",
        "position",
        "referer",
        "replication",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "security-token",
        "startTime",
        "stat",
        "status",
        "symlink",
        "tagging",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "vod",
        "website",
        "worm",
    }
)


def claim_of(signable: Signable, now: float) -> Claim | None:
    """Read the claim of a request signed so; None if it is not."""
    if signable.headers.get("authorization", "").startswith(_SCHEME):
        return _claim_of_header(signable, now)
    if "OSSAccessKeyId" in signable.query:
        return _claim_of_query(signable, now)
    return None


def _claim_of_header(signable: Signable, now: float) -> Claim:
    credential = signable.headers["authorization"].removeprefix(_SCHEME)
    access_key_id, colon, signature = credential.strip().partition(":")
    if not colon:
        raise malformed("The authorization header that you provided is invalid.", "0002-00000003")
    date = signable.headers.get("x-oss-date") or signable.headers.get("date", "")
    try:
        signed_at = parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise malformed("OSS authentication requires a valid Date.", "0002-00000015") from None
    check_skew(signed_at, now)
    token = signable.headers.get("x-oss-security-token", "")
    return _claim(signable, access_key_id, signature, token, date)


def _claim_of_query(signable: Signable, now: float) -> Claim:
    query = signable.query
    expires = query.get("Expires", "")
    if not expires.isdigit() or "Signature" not in query:
        raise malformed("Query-string authentication requires Signature, Expires, OSSAccessKeyId.")
    check_expiry(float(expires), now)
    token = query.get("security-token", "")
    return _claim(signable, query["OSSAccessKeyId"], query["Signature"], token, expires)


def _claim(signable: Signable, access_key_id: str, signature: str, token: str, date: str) -> Claim:
    string_to_sign = _string_to_sign(signable, date)

    def sign(secret: str) -> str:
        digest = hmac.digest(secret.encode(), string_to_sign.encode(), hashlib.sha1)
        return base64.b64encode(digest).decode()

    return Claim(
        access_key_id=access_key_id,
        security_token=token,
        signature=signature,
        string_to_sign=string_to_sign,
        sign=sign,
    )


def _string_to_sign(signable: Signable, date: str) -> str:
    headers = signable.headers
    fixed = [
        signable.method,
        headers.get("content-md5", ""),
        headers.get("content-type", ""),
        date,
    ]
    own = [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-oss-")]
    return "\n".join([*fixed, *own, signable.resource + _signed_query(signable)])


def _signed_query(signable: Signable) -> str:
    signed = sorted(
        (name, value)
        for name, value in signable.query.items()
        if name in _SIGNED_PARAMETERS or name.startswith("x-oss-")
    )
    text = "&".join(f"{name}={value}" if value else name for name, value in signed)
    return f"?{text}" if text else ""
