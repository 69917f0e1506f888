"""What a signed request claims: who sent it, until when, by which signature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.doubles.oss.oss_errors import OssError

ALLOWED_SKEW_SECONDS: Final = 15 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Signable:
    """What signatures are made of."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def resource(self) -> str:
        """The path that is signed: with the bucket, wherever the request had it."""
        return f"/{self.bucket}/{self.key}" if self.bucket else "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A signature and what proves or refutes it."""

    access_key_id: str
    security_token: str
    signature: str
    string_to_sign: str
    canonical_request: str = ""
    sign: Callable[[str], str]
    """Makes, of the access key's secret, the signature that is right."""


def malformed(message: str, ec: str = "") -> OssError:
    """A claim that can't be read."""
    return OssError(400, "InvalidArgument", message, ec=ec)


def check_skew(signed_at: float, now: float) -> None:
    """Raise RequestTimeTooSkewed if the client's clock is too far from the double's."""
    if abs(now - signed_at) > ALLOWED_SKEW_SECONDS:
        message = "The difference between the request time and the current time is too large."
        details = {
            "MaxAllowedSkewMilliseconds": str(ALLOWED_SKEW_SECONDS * 1000),
            "RequestTime": f"{signed_at:.0f}",
            "ServerTime": f"{now:.0f}",
        }
        raise OssError(403, "RequestTimeTooSkewed", message, ec="0002-00000504", details=details)


def check_expiry(expires_at: float, now: float) -> None:
    """Raise AccessDenied if a signed URL is no longer good."""
    if now > expires_at:
        details = {"Expires": f"{expires_at:.0f}", "ServerTime": f"{now:.0f}"}
        message = "Request has expired."
        raise OssError(403, "AccessDenied", message, ec="0002-00000069", details=details)
