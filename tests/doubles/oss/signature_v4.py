"""Version 4 of OSS's signatures, in the Authorization header or in the query.

https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Final
from urllib.parse import quote

from tests.doubles.oss.claims import Claim, Signable, check_expiry, check_skew, malformed

_ALGORITHM: Final = "OSS4-HMAC-SHA256"
_TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_PRODUCT: Final = "oss"
_TERMINATOR: Final = "aliyun_v4_request"
_MOST_SECONDS: Final = 7 * 24 * 3600
_ALWAYS_SIGNED: Final = frozenset({"content-type", "content-md5"})


def claim_of(signable: Signable, now: float, region: str) -> Claim | None:
    """Read the claim of a request signed so; None if it is not."""
    if signable.headers.get("authorization", "").startswith(_ALGORITHM):
        return _claim_of_header(signable, now, region)
    if signable.query.get("x-oss-signature-version") == _ALGORITHM:
        return _claim_of_query(signable, now, region)
    return None


def _claim_of_header(signable: Signable, now: float, region: str) -> Claim:
    text = signable.headers["authorization"].removeprefix(_ALGORITHM)
    # SDKs part the fields by "," or ", " and have them in different orders.
    fields = dict(re.findall(r"(\w+)=([^,\s]+)", text))
    if not fields.keys() >= {"Credential", "Signature"}:
        raise malformed("The authorization header that you provided is invalid.", "0002-00000203")
    timestamp = signable.headers.get("x-oss-date", "")
    check_skew(_seconds(timestamp), now)
    return _claim(
        signable,
        credential=fields["Credential"],
        signature=fields["Signature"],
        additional=_names(fields.get("AdditionalHeaders", "")),
        token=signable.headers.get("x-oss-security-token", ""),
        timestamp=timestamp,
        region=region,
    )


def _claim_of_query(signable: Signable, now: float, region: str) -> Claim:
    query = signable.query
    needed = ("x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-signature")
    if not query.keys() >= set(needed):
        raise malformed(f"A signed URL needs {', '.join(needed)}.")
    lifetime, signed_at = query["x-oss-expires"], _seconds(query["x-oss-date"])
    if not (lifetime.isascii() and lifetime.isdigit() and 1 <= int(lifetime) <= _MOST_SECONDS):
        raise malformed(f"x-oss-expires must be between 1 and {_MOST_SECONDS} seconds.")
    if signed_at > now:
        check_skew(signed_at, now)
    check_expiry(signed_at + int(lifetime), now)
    return _claim(
        signable,
        credential=query["x-oss-credential"],
        signature=query["x-oss-signature"],
        additional=_names(query.get("x-oss-additional-headers", "")),
        token=query.get("x-oss-security-token", ""),
        timestamp=query["x-oss-date"],
        region=region,
    )


def _claim(
    signable: Signable,
    *,
    credential: str,
    signature: str,
    additional: Sequence[str],
    token: str,
    timestamp: str,
    region: str,
) -> Claim:
    access_key_id, *scope = credential.split("/")
    _check_scope(scope, timestamp, region)
    canonical = _canonical_request(signable, additional)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    string_to_sign = "\n".join([_ALGORITHM, timestamp, "/".join(scope), digest])

    def sign(secret: str) -> str:
        key = reduce(_chained, scope, f"aliyun_v4{secret}".encode())
        return _chained(key, string_to_sign).hex()

    return Claim(
        access_key_id=access_key_id,
        security_token=token,
        signature=signature,
        string_to_sign=string_to_sign,
        canonical_request=canonical,
        sign=sign,
    )


def _check_scope(scope: Sequence[str], timestamp: str, region: str) -> None:
    expected = (timestamp[:8], region, _PRODUCT, _TERMINATOR)
    numbers = ("0002-00000225", "0002-00000226", "0002-00000227", "0002-00000228")
    parts = ("date", "region", "product", "request")
    if len(scope) != len(expected):
        raise malformed("Invalid credential in Authorization header.", "0002-00000224")
    for part, got, wanted, ec in zip(parts, scope, expected, numbers, strict=True):
        if got != wanted:
            raise malformed(f"Invalid signing {part} in Authorization header.", ec)


def _canonical_request(signable: Signable, additional: Sequence[str]) -> str:
    headers = signable.headers
    signed = sorted(
        name
        for name in headers
        if name.startswith("x-oss-") or name in _ALWAYS_SIGNED or name in additional
    )
    return "\n".join(
        [
            signable.method,
            quote(signable.resource, safe="/"),
            _canonical_query(signable),
            "".join(f"{name}:{headers[name].strip()}\n" for name in signed),
            ";".join(additional),
            headers.get("x-oss-content-sha256") or "UNSIGNED-PAYLOAD",
        ]
    )


def _canonical_query(signable: Signable) -> str:
    encoded = sorted(
        (quote(name, safe=""), quote(value, safe=""))
        for name, value in signable.query.items()
        if name != "x-oss-signature"
    )
    return "&".join(f"{name}={value}" if value else name for name, value in encoded)


def _names(additional_headers: str) -> list[str]:
    return sorted(name for name in additional_headers.lower().split(";") if name)


def _seconds(timestamp: str) -> float:
    try:
        return datetime.strptime(timestamp, _TIME_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise malformed("x-oss-date must be like 20231203T121212Z.", "0002-00000221") from None


def _chained(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), hashlib.sha256)
