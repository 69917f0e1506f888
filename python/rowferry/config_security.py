"""The group of settings about who may pass: clients, tokens, certificates."""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import Meta

from rowferry.config_groups import Group, NamedText
from rowferry.config_sources import Problem

SECRET_MIN_CHARS: Final = 16
MAX_CLIENTS: Final = 10_000
_SECRET: Final = Meta(
    extra={
        "secret": True,
        "expected": f"text of at least {SECRET_MIN_CHARS} characters, or a list of such texts",
    }
)

ClientName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
TokenHash = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}\Z")]
# RFC 6454 §6.2, as browsers send it; "*" is everywhere
Origin = Annotated[str, Meta(pattern=r"^(\*|https?://[^\s/?#@]+)\Z")]
DoorName = Literal["grpc", "http", "websocket", "metrics"]
FormatName = Literal["EXCEL", "CSV"]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Rate = Annotated[float, Meta(ge=0, le=1_000_000)]


class SecurityClient(Group, frozen=True, kw_only=True):
    """A client that may enter, how it is known, and what it may do.

    ``formats``, ``providers``, ``networks``: left out = all of them, an empty list = none.
    Numbers: 0 = no bound. ``certificate_names`` empty = the client's own name.
    """

    name: ClientName
    enabled: bool = True
    token_sha256: TokenHash | tuple[TokenHash, ...] = ()
    token_sha256_file: str = ""
    certificate_names: tuple[NamedText, ...] = ()
    doors: tuple[DoorName, ...] = ("grpc", "http", "websocket")
    networks: tuple[NamedText, ...] | None = None
    formats: tuple[FormatName, ...] | None = None
    providers: tuple[NamedText, ...] | None = None
    max_columns: Count = 0
    min_priority: Annotated[int, Meta(ge=1, le=1000)] = 100
    requests_per_second: Rate = 0
    burst: Count = 0
    max_connections: Count = 0
    max_running: Count = 0
    max_queued: Count = 0
    rows_per_day: Count = 0
    bytes_per_day: Count = 0

    def __repr__(self) -> str:
        """Leave the hashes out of every log line and traceback."""
        return f"SecurityClient(name={self.name!r}, …)"

    @property
    def token_hashes(self) -> tuple[str, ...]:
        """The SHA-256 of the tokens that the settings name, in hexadecimal small letters."""
        given = self.token_sha256
        hashes = (given,) if isinstance(given, str) else given
        return tuple(one.lower() for one in hashes)

    @property
    def names_in_certificates(self) -> tuple[str, ...]:
        """The names by which a certificate is this client's."""
        return self.certificate_names or (self.name,)


class Security(Group, frozen=True, kw_only=True):
    """Who may pass, TLS, the links' secret, and the consent to let everybody in.

    ``allowed_clients`` empty = all of ``clients``. ``allowed_origins`` empty = a browser's page
    must come from the address that it calls. ``client_certificates``: whether every client must
    show one of ``client_ca``, or may show a token instead.
    """

    auth_enabled: bool = False
    allow_unauthenticated: bool = False
    clients: Annotated[
        tuple[SecurityClient, ...],
        Meta(
            max_length=MAX_CLIENTS,
            extra={"secret": True, "expected": "clients, each with a name of its own"},
        ),
    ] = ()
    allowed_clients: Annotated[
        tuple[ClientName, ...], Meta(extra={"expected": "names of security.clients"})
    ] = ()
    allowed_origins: Annotated[
        tuple[Origin, ...],
        Meta(extra={"expected": 'origins such as "https://app.example", or "*"'}),
    ] = ()
    audit_log: str = ""
    tokens_file: str = ""
    link_secret: Annotated[str | tuple[str, ...], _SECRET] = ""
    link_secret_file: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    client_ca: str = ""
    client_certificates: Literal["required", "optional"] = "required"

    def __repr__(self) -> str:
        """Leave the secret out of every log line and traceback."""
        return f"Security(tls_certificate={self.tls_certificate!r}, …)"

    @property
    def link_secrets(self) -> tuple[str, ...]:
        """The secrets of download links: the first signs, all verify; empty = from the file."""
        if isinstance(self.link_secret, str):
            return (self.link_secret,) if self.link_secret else ()
        return self.link_secret

    @property
    def requires_certificate(self) -> bool:
        """Tell whether nobody gets in without a certificate."""
        return bool(self.client_ca) and self.client_certificates == "required"


def security_problems(security: Security, host: str) -> Iterator[Problem]:
    """Find settings of the group that are good alone and bad together, or with ``server.host``."""
    yield from _problems_of_exposure(security, host)
    yield from _problems_of_clients(security)
    yield from _problems_of_link_secret(security)
    yield from _problems_of_tls(security)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _problems_of_exposure(security: Security, host: str) -> Iterator[Problem]:
    if not (security.auth_enabled or security.allow_unauthenticated or is_loopback(host)):
        expected = (
            "a loopback address, or security.auth_enabled = true with security.clients,"
            " or security.allow_unauthenticated = true"
        )
        yield _conflict("server.host", expected, host)
    if security.auth_enabled and not security.clients:
        yield _conflict("security.clients", "at least one, with security.auth_enabled", "none")
    if security.clients and not security.auth_enabled:
        expected = "true, or else no security.clients: nobody would be asked who it is"
        yield _conflict("security.auth_enabled", expected, "false")


def _problems_of_clients(security: Security) -> Iterator[Problem]:
    clients = security.clients
    names = {client.name for client in clients}
    for name in security.allowed_clients:
        if name not in names:
            yield _conflict("security.allowed_clients", "names of security.clients", name)
    yield from _doubled("names, each once", [client.name for client in clients])
    in_certificates = [name for client in clients for name in client.names_in_certificates]
    yield from _doubled("certificate_names, each of one client", in_certificates)
    if _more_than_one([digest for client in clients for digest in client.token_hashes]):
        yield _conflict("security.clients", "token_sha256, each of one client", "one of two")
    for client in clients:
        for network in client.networks or ():
            if not _is_network(network):
                expected = "networks such as 10.0.0.0/8"
                yield _conflict(f"security.clients {client.name}", expected, network)


def _problems_of_link_secret(security: Security) -> Iterator[Problem]:
    if any(len(secret) < SECRET_MIN_CHARS for secret in security.link_secrets):
        expected = f"texts of at least {SECRET_MIN_CHARS} characters"
        yield _conflict("security.link_secret", expected, "a shorter one")
    if security.link_secrets and security.link_secret_file:
        yield _conflict("security.link_secret", "either it or link_secret_file", "both")


def _problems_of_tls(security: Security) -> Iterator[Problem]:
    if bool(security.tls_certificate) != bool(security.tls_key):
        yield _conflict("security.tls_certificate", "it and tls_key together", "one of them")
    if security.client_ca and not security.tls_certificate:
        yield _conflict("security.client_ca", "tls_certificate and tls_key beside it", "neither")
    elif security.client_ca and not security.auth_enabled:
        expected = "security.auth_enabled = true beside it: certificates name clients"
        yield _conflict("security.client_ca", expected, "false")


def _doubled(expected: str, names: list[str]) -> Iterator[Problem]:
    for name in _more_than_one(names):
        yield _conflict("security.clients", expected, f"{name} twice")


def _more_than_one(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _conflict(key: str, expected: str, got: str) -> Problem:
    return Problem(source="settings", key=key, expected=expected, got=got)
