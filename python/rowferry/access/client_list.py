"""The configured clients, as the doorkeeper looks them up."""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from rowferry.config_security import Security, SecurityClient
from rowferry.config_sources import ConfigError, Problem
from rowferry.domain.access import ClientRules, Door

_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")

_IPV4_AS_IPV6: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_IPV4_BITS: Final = 2**32 - 1
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownClient:
    """One client: where it may enter, and what it may do; ``networks`` None = anywhere."""

    name: str
    enabled: bool
    doors: frozenset[Door]
    networks: tuple[Network, ...] | None
    rules: ClientRules

    def may_call_from(self, address: str) -> bool:
        """Tell whether an address, ``host:port``, is in the client's networks."""
        if self.networks is None:
            return True
        host = ip_of(address)
        return host is not None and any(host in network for network in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientList:
    """All clients, by name, by certificate, and by the hashes that the settings hold."""

    by_name: Mapping[str, KnownClient]
    by_certificate: Mapping[str, str]
    by_digest: Mapping[str, str]
    requires_certificate: bool

    @classmethod
    def of(cls, security: Security) -> "ClientList":
        """Read the settings and the files of hashes that they name; blocking.

        Raises ConfigError for a file without hashes, OSError for one that can't be read.
        """
        allowed = frozenset(security.allowed_clients) or {c.name for c in security.clients}
        known = (_known(client, client.name in allowed) for client in security.clients)
        certificates = (
            (name, client.name)
            for client in security.clients
            for name in client.names_in_certificates
        )
        digests = (
            (digest, client.name) for client in security.clients for digest in _hashes(client)
        )
        return cls(
            by_name=MappingProxyType({client.name: client for client in known}),
            by_certificate=MappingProxyType(dict(certificates)),
            by_digest=MappingProxyType(dict(digests)),
            requires_certificate=security.requires_certificate,
        )

    def of_certificate(self, names: Sequence[str]) -> tuple[str, str] | None:
        """Give the client of the first known name of a certificate, and that name."""
        for name in names:
            if name in self.by_certificate:
                return self.by_certificate[name], name
        return None


def ip_of(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read the host of ``host:port``; None if it is no IP address. ``::ffff:`` ones are IPv4."""
    host = address.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _network(text: str) -> Network:
    """Read a network; one of IPv4 addresses written as IPv6 ones (RFC 4291 §2.5.5.2) is IPv4."""
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv4Network) or not network.subnet_of(_IPV4_AS_IPV6):
        return network
    prefix = network.prefixlen - _IPV4_AS_IPV6.prefixlen
    return ipaddress.IPv4Network((int(network.network_address) & _IPV4_BITS, prefix))


def _known(client: SecurityClient, allowed: bool) -> KnownClient:  # noqa: FBT001  of one caller
    networks = client.networks
    return KnownClient(
        name=client.name,
        enabled=client.enabled and allowed,
        doors=frozenset(map(Door, client.doors)),
        networks=None if networks is None else tuple(map(_network, networks)),
        rules=_rules(client),
    )


def _rules(client: SecurityClient) -> ClientRules:
    return ClientRules(
        formats=_names(client.formats),
        providers=_names(client.providers),
        max_columns=client.max_columns,
        min_priority=client.min_priority,
        requests_per_second=client.requests_per_second,
        burst=client.burst,
        max_connections=client.max_connections,
        max_running=client.max_running,
        max_queued=client.max_queued,
        rows_per_day=client.rows_per_day,
        bytes_per_day=client.bytes_per_day,
    )


def _names(given: Iterable[str] | None) -> frozenset[str] | None:
    return None if given is None else frozenset(given)


def _hashes(client: SecurityClient) -> Iterator[str]:
    yield from client.token_hashes
    if client.token_sha256_file:
        yield from _hashes_in(Path(client.token_sha256_file))


def _hashes_in(path: Path) -> Iterator[str]:
    # what is no UTF-8 is no hash either, and refused by its line
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        text = line.strip()
        if _HASH.fullmatch(text):
            yield text.lower()
        elif text and not text.startswith("#"):
            problem = Problem(
                source=f"{path}, line {number}",
                key="security.clients token_sha256_file",
                expected="a SHA-256 in hexadecimal",
                got="a line that is not shown",
            )
            raise ConfigError((problem,))
