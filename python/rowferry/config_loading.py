"""Settings are read in the order defaults < file < environment, and judged together.

An unknown name, a missing file or a value out of its bounds is a ConfigError that names the
source, the key, what was expected and what was found.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from rowferry.config import Config, settings
from rowferry.config_groups import S3, Oss
from rowferry.config_security import security_problems
from rowferry.config_sources import ConfigError, Problem, config_file, read_values


def load(path: Path | None, environment: Mapping[str, str]) -> Config:
    """Read the settings: defaults < file < environment.

    The file is ``path``, else the one ``ROWFERRY_CONFIG`` names, else ``./config.toml`` when
    there is one. Raises ConfigError with every problem found.
    """
    values = read_values(settings(), config_file(path, environment), environment)
    config = msgspec.convert(values, Config)
    problems = tuple(_contradictions(config))
    if problems:
        raise ConfigError(problems)
    return config


def _contradictions(config: Config) -> Iterator[Problem]:
    """Find values that are good alone and bad together."""
    server = config.server
    yield from security_problems(config.security, server.host)
    if server.max_message_bytes > server.max_inflight_bytes:
        expected = f"at most server.max_inflight_bytes = {server.max_inflight_bytes}"
        yield _conflict("server.max_message_bytes", expected, str(server.max_message_bytes))
    if config.lease.heartbeat_seconds * 2 > config.lease.seconds:
        expected = f"at most half of lease.seconds = {config.lease.seconds:g}"
        yield _conflict("lease.heartbeat_seconds", expected, f"{config.lease.heartbeat_seconds:g}")
    for query in config.providers.sql_queries:
        if bool(query.url) == bool(query.url_file):
            got = "both" if query.url else "neither"
            yield _conflict(f"providers.sql_queries {query.name}", "url or url_file", got)
    if config.storage.backend == "oss":
        yield from _contradictions_of_oss(config.oss)
    if config.storage.backend == "s3":
        yield from _contradictions_of_s3(config.s3)
    yield from _contradictions_of_links(config)
    yield from _contradictions_of_nodes(config)


def _contradictions_of_oss(oss: Oss) -> Iterator[Problem]:
    needed = {"endpoint": oss.endpoint, "region": oss.region, "bucket": oss.bucket}
    yield from _missing("oss", needed)
    if oss.cname and not oss.public_endpoint:
        yield _conflict("oss.public_endpoint", "the address that oss.cname is about", "none")
    secrets = (oss.access_key_secret, oss.access_key_secret_file)
    tokens = (oss.security_token, oss.security_token_file)
    yield from _given_twice("oss.access_key_secret", *secrets)
    yield from _given_twice("oss.security_token", *tokens)
    renewed = (oss.credentials_file, oss.credentials_url)
    yield from _given_twice("oss.credentials_file", *renewed, second="oss.credentials_url")
    if any(renewed):
        if oss.access_key_id or any(secrets) or any(tokens):
            yield _conflict("oss.access_key_id", "either it or renewed credentials", "both")
    elif not (oss.access_key_id and any(secrets)):
        got = "one of them" if oss.access_key_id or any(secrets) else "none"
        expected = "it and access_key_secret, or credentials_file or credentials_url alone"
        yield _conflict("oss.access_key_id", expected, got)


def _contradictions_of_s3(s3: S3) -> Iterator[Problem]:
    yield from _missing("s3", {"region": s3.region, "bucket": s3.bucket})
    secrets = (s3.secret_access_key, s3.secret_access_key_file)
    yield from _given_twice("s3.secret_access_key", *secrets)
    yield from _given_twice("s3.session_token", s3.session_token, s3.session_token_file)
    if bool(s3.access_key_id) != any(secrets):
        yield _conflict("s3.access_key_id", "it and secret_access_key, or neither", "one of them")


def _contradictions_of_links(config: Config) -> Iterator[Problem]:
    storage, uploads = config.storage, config.uploads
    if not storage.direct_links:
        return
    if storage.proxy_downloads:
        yield _conflict("storage.proxy_downloads", "false beside storage.direct_links", "true")
    if not isinstance(uploads, Oss | S3):
        expected = 'false, or storage.backend = "oss" or "s3"'
        yield _conflict("storage.direct_links", expected, "true")
    elif not uploads.public_bucket and uploads.temporary_credentials:
        expected = "false, or keys that last: what temporary ones signed ends with them"
        yield _conflict("storage.direct_links", expected, "true")


def _missing(group: str, needed: Mapping[str, str]) -> Iterator[Problem]:
    for key, value in needed.items():
        if not value:
            yield _conflict(f"{group}.{key}", f'one, for storage.backend = "{group}"', "none")


def _given_twice(key: str, text: str, file: str, *, second: str = "") -> Iterator[Problem]:
    if text and file:
        yield _conflict(key, f"either it or {second or key + '_file'}", "both")


def _contradictions_of_nodes(config: Config) -> Iterator[Problem]:
    security = config.security
    if config.task_store.is_server and not (security.link_secrets or security.link_secret_file):
        expected = "it or link_secret_file: every node of a shared database signs links alike"
        yield _conflict("security.link_secret", expected, "neither")


def _conflict(key: str, expected: str, got: str) -> Problem:
    return Problem(source="settings", key=key, expected=expected, got=got)
