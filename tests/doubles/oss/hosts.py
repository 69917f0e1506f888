"""Which bucket and object a request means: its Host decides, as SDKs write it in four ways."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from tests.doubles.oss.oss_errors import OssError, public_endpoint_forbidden

_OSS_ENDPOINT: Final = re.compile(r"(?:(?P<bucket>.+)\.)?oss-[a-z0-9-]+\.aliyuncs\.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The names that the double has beside its IP address, localhost and those of OSS itself."""

    cnames: Mapping[str, str] = field(default_factory=dict)
    """Buckets by the custom domain names bound to them."""
    forbidden: frozenset[str] = frozenset()
    """Public endpoints that new accounts may not use; so for the buckets' hosts below them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a request is about; "" = no bucket or object."""

    bucket: str
    key: str


def target_of(host: str, path: str, hosts: Hosts) -> Target:
    """Give the target of a request with this Host header and (quoted) path.

    At an IP address or localhost the bucket is in the path, as SDKs have it there; ali-oss sends
    the bucket's own host instead. OSS itself has the bucket in the host only, or knows it by its
    CNAME.
    """
    name = urlsplit(f"//{host}").hostname or ""
    if any(name == forbidden or name.endswith(f".{forbidden}") for forbidden in hosts.forbidden):
        raise public_endpoint_forbidden()
    resource = unquote(path.removeprefix("/"))
    if name in hosts.cnames:
        return Target(bucket=hosts.cnames[name], key=resource)
    endpoint = _OSS_ENDPOINT.fullmatch(name)
    if endpoint is not None:
        return _third_level(endpoint["bucket"] or "", resource)
    if name == "localhost" or _is_address(name):
        bucket, _, key = resource.partition("/")
        return Target(bucket=bucket, key=key)
    raise OssError(404, "NoSuchCname", "The specified cname does not exist.")


def _third_level(bucket: str, resource: str) -> Target:
    if resource and not bucket:
        message = (
            "The bucket you are attempting to access must be addressed "
            "using OSS third level domain."
        )
        raise OssError(403, "SecondLevelDomainForbidden", message, ec="0048-00000501")
    return Target(bucket=bucket, key=resource)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
