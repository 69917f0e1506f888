"""Who may do what: access keys, temporary ones with a token, and buckets that all may read."""

import hmac
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.doubles.oss import signature_v1, signature_v4
from tests.doubles.oss.claims import Claim, Signable, malformed
from tests.doubles.oss.oss_errors import OssError


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key, or a session's temporary one."""

    access_key_id: str
    secret: str
    security_token: str = ""
    """"" for a lasting key."""
    expires_at: float | None = None
    """By the double's clock, seconds since 1970."""


class AccessKeys:
    """The keys that the double knows; thread-safe."""

    def __init__(self, keys: Iterable[AccessKey]) -> None:
        self._lock: Final = threading.Lock()
        self._keys: Final = {key.access_key_id: key for key in keys}

    def put(self, key: AccessKey) -> None:
        """Add a key or replace the one of its id."""
        with self._lock:
            self._keys[key.access_key_id] = key

    def remove(self, access_key_id: str) -> None:
        """Forget a key."""
        with self._lock:
            self._keys.pop(access_key_id, None)

    def key(self, access_key_id: str) -> AccessKey:
        """Give a key; raises InvalidAccessKeyId."""
        with self._lock:
            key = self._keys.get(access_key_id)
        if key is None:
            message = "The OSS Access Key Id you provided does not exist in our records."
            details = {"OSSAccessKeyId": access_key_id}
            raise OssError(403, "InvalidAccessKeyId", message, ec="0002-00000902", details=details)
        return key


def authenticate(signable: Signable, keys: AccessKeys, now: float, region: str) -> bool:
    """Check a request's signature; False if it has none.

    Raises OssError for a claim that does not hold.
    """
    claim = signature_v4.claim_of(signable, now, region) or signature_v1.claim_of(signable, now)
    if claim is None:
        if "authorization" in signable.headers or "x-oss-signature" in signable.query:
            raise malformed("Signatures of this version are not supported.", "0002-00000002")
        return False
    key = keys.key(claim.access_key_id)
    _check_token(claim, key, now)
    if not hmac.compare_digest(claim.sign(key.secret).encode(), claim.signature.encode()):
        raise _does_not_match(claim)
    return True


def _check_token(claim: Claim, key: AccessKey, now: float) -> None:
    if claim.security_token != key.security_token:
        if not claim.security_token:
            message = "The OSS Access Key Id you provided does not exist in our records."
            raise OssError(403, "InvalidAccessKeyId", message, ec="0002-00000902")
        message = "The security token you provided is invalid."
        raise OssError(403, "InvalidSecurityToken", message, ec="0002-00000903")
    if key.expires_at is not None and now >= key.expires_at:
        message = "The security token you provided has expired."
        raise OssError(403, "SecurityTokenExpired", message, ec="0002-00000904")


def _does_not_match(claim: Claim) -> OssError:
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    details = {
        "OSSAccessKeyId": claim.access_key_id,
        "SignatureProvided": claim.signature,
        "StringToSign": claim.string_to_sign,
        "CanonicalRequest": claim.canonical_request,
    }
    return OssError(403, "SignatureDoesNotMatch", message, ec="0002-00000901", details=details)
