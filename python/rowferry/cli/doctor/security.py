"""Checks of who may pass: clients, tokens, certificates."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from rowferry.access.client_list import ClientList
from rowferry.access.token_file import TokenRecord, read_tokens
from rowferry.cli.doctor.certificate_end import CertificateUnusableError, certificate_end
from rowferry.cli.doctor.finding import Finding, Status
from rowferry.config import Config
from rowferry.config_security import is_loopback
from rowferry.config_sources import ConfigError

ENDS_SOON: Final = timedelta(days=14)
_ACCESS: Final = "security.access"
_TOKENS: Final = "security.tokens"
_TLS: Final = "security.tls"


def security_findings(config: Config) -> Iterator[Finding]:
    """Look at what the settings let in; nothing is connected to."""
    if config.security.auth_enabled:
        yield from _access_findings(config)
    else:
        yield _open_finding(config)
    if config.security.tls_certificate:
        yield _certificate_finding(config)
    elif config.security.auth_enabled and not is_loopback(config.server.host):
        yield _warning(
            _TLS,
            "tokens pass the network in the clear",
            "Set security.tls_certificate and tls_key, unless a proxy before the service has TLS.",
        )


def _open_finding(config: Config) -> Finding:
    if is_loopback(config.server.host):
        message = "everybody on this machine is let in, nobody else"
        return Finding(check=_ACCESS, status=Status.OK, message=message)
    message = f"everybody who reaches {config.server.host} is let in"
    return _warning(_ACCESS, message, "docs/security.md tells how to ask who it is.")


def _access_findings(config: Config) -> Iterator[Finding]:
    try:
        clients = ClientList.of(config.security)
        tokens = read_tokens(config.tokens_path)
    except (ConfigError, OSError) as error:
        advice = "Mend or remove the file: the service does not start with it."
        yield Finding(check=_TOKENS, status=Status.FAILED, message=str(error), advice=advice)
        return
    now = datetime.now(UTC)
    active = [record for record in tokens if record.state(now) == "active"]
    yield _clients_finding(config, clients, active)
    yield _tokens_finding(config, tokens, now)


def _clients_finding(config: Config, clients: ClientList, active: list[TokenRecord]) -> Finding:
    having = {record.client for record in active} | set(clients.by_digest.values())
    shut_out = [
        name
        for name, client in clients.by_name.items()
        if client.enabled and name not in having and not config.security.client_ca
    ]
    count = f"{len(clients.by_name)} clients"
    if shut_out:
        message = f"{count}, no token for {', '.join(shut_out)}"
        return _warning(_ACCESS, message, "`rowferry token create CLIENT` makes one.")
    return Finding(check=_ACCESS, status=Status.OK, message=count)


def _tokens_finding(config: Config, tokens: tuple[TokenRecord, ...], now: datetime) -> Finding:
    path = config.tokens_path
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return _warning(_TOKENS, f"{path} is open to other users", "`chmod 600` shuts it.")
    ending = [
        record.id
        for record in tokens
        if record.state(now) == "active"
        and record.expires_at is not None
        and record.expires_at < now + ENDS_SOON
    ]
    if ending:
        message = f"they end within {ENDS_SOON.days} days: {', '.join(ending)}"
        return _warning(_TOKENS, message, "Make new ones before; a client can have several.")
    states = [record.state(now) for record in tokens]
    words = ", ".join(f"{states.count(word)} {word}" for word in ("active", "expired", "revoked"))
    return Finding(check=_TOKENS, status=Status.OK, message=words)


def _certificate_finding(config: Config) -> Finding:
    security = config.security
    try:
        ends = certificate_end(security.tls_certificate, security.tls_key)
    except CertificateUnusableError as error:
        return _unusable(f"{security.tls_certificate}: {error}")
    except OSError as error:  # ssl.SSLError is one
        return _unusable(f"{security.tls_certificate}: {error.strerror or error}")
    message = f"{security.tls_certificate} ends on {ends:%Y-%m-%d}"
    if ends < datetime.now(UTC) + ENDS_SOON:
        return _warning(_TLS, message, "Renew it; SIGHUP makes running services take it.")
    return Finding(check=_TLS, status=Status.OK, message=message)


def _unusable(message: str) -> Finding:
    advice = "security.tls_certificate and tls_key are PEM files that belong together."
    return Finding(check=_TLS, status=Status.FAILED, message=message, advice=advice)


def _warning(check: str, message: str, advice: str) -> Finding:
    return Finding(check=check, status=Status.WARNING, message=message, advice=advice)
