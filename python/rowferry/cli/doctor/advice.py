"""What the answers of storages mean, and what to do: docs/storage.md shows the same table."""

import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rowferry.domain.errors import RowferryError
from rowferry.domain.storage_fault import FaultKind, StorageFault

UNREACHED: Final = "EndpointConnectionError"
NOT_TRUSTED: Final = "SSLError"

# Sources: https://www.alibabacloud.com/help/en/oss/user-guide/error-codes-overview and
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AccessDenied": (
            "The user may not do this: give it the rights of docs/storage.md. OSS says so, too, of"
            " an endpoint of another region than the bucket's, and of a bucket policy that names"
            " other networks."
        ),
        "AccessForbidden": (
            "A policy of the bucket or the account forbids it: look for a Deny that names the"
            " user, the network or the bucket."
        ),
        "AuthorizationHeaderMalformed": "s3.region is not the bucket's region.",
        UNREACHED: (
            "Nothing answers there: check the endpoint for typing errors, DNS, proxy and firewall."
            " An internal endpoint of OSS answers within its region only."
        ),
        "ExpiredToken": (
            "The session token is over: renew it, or leave the keys out and give the machine a"
            " role, whose keys are renewed."
        ),
        "InvalidAccessKeyId": (
            "The storage does not know the access_key_id: check it for typing errors, and whether"
            " it was disabled or deleted. Temporary keys need their token beside them."
        ),
        "InvalidBucketName": "The bucket's name is none that the storage allows.",
        "InvalidSecurityToken": (
            "The token does not belong to the keys: take all three from one answer of STS."
        ),
        "InvalidToken": "The session token does not belong to the keys, or is not whole.",
        "NoCredentialsError": (
            "There are no keys, in the settings or where AWS programs look for them: set"
            " s3.access_key_id and s3.secret_access_key, or give the machine a role."
        ),
        "NoSuchBucket": (
            "Make the bucket, or correct its name; behind a CNAME: bind the domain to it."
        ),
        "NotImplemented": (
            "The storage does not know this operation. Of tags: s3.object_tags = false."
        ),
        "PermanentRedirect": "The bucket is in another region: correct s3.region and s3.endpoint.",
        "PublicEndpointForbidden": (
            "Since March 2025 new accounts can't use OSS's own public addresses for data in"
            " mainland China (EC 0048-00000401): bind a domain of your own to the bucket, set"
            " oss.public_endpoint to it and oss.cname = true; upload by the internal endpoint."
        ),
        "RequestTimeTooSkewed": (
            "This machine's clock is more than 15 minutes off: set it, by NTP best."
        ),
        "SecondLevelDomainForbidden": (
            "OSS wants the bucket in the host: the endpoint is oss-REGION.aliyuncs.com, an IP"
            " address is none."
        ),
        "SecurityTokenExpired": (
            "The token of STS is over: renew it. oss.credentials_file is read again when it"
            " changes, oss.security_token never is."
        ),
        "SignatureDoesNotMatch": (
            "The secret does not belong to the access_key_id, or the region is not the endpoint's;"
            " a proxy that changes Host or headers has the same effect."
        ),
        NOT_TRUSTED: (
            "The server's certificate is not trusted for this host: check the endpoint's name, a"
            " CNAME's certificate, and the machine's authorities (SSL_CERT_FILE, AWS_CA_BUNDLE,"
            " REQUESTS_CA_BUNDLE)."
        ),
        "SlowDown": "The storage is busy: uploads are tried again. If it stays, ask its operator.",
        "UserDisable": "The account is suspended: see its bills.",
    }
)
_UNKNOWN: Final = "Not one that the doctor knows: look it up in the storage's documentation."


def code_of(error: RowferryError) -> str:
    """Give the word that a failure is looked up by."""
    if not isinstance(error, StorageFault):
        return error.code
    if is_about_trust(error):
        return NOT_TRUSTED
    known = error.reason in ADVICE
    if error.kind is FaultKind.TRANSIENT and not known and "http_status" not in error.context:
        return UNREACHED if not error.reason else error.reason
    return error.reason or error.code


def advice_for(code: str) -> str:
    """Say what to do; "" for what is no failure of a storage."""
    return ADVICE.get(code, _UNKNOWN)


def is_about_trust(error: BaseException) -> bool:
    """Tell whether a failure comes from a certificate that was not accepted."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        reason = getattr(seen, "reason", None)  # urllib3 keeps causes there
        seen = reason if isinstance(reason, BaseException) else seen.__cause__ or seen.__context__
    return False
