"""Settings: groups, names, units, defaults and bounds, all in one place.

``load`` reads them in the order defaults < file < environment. An unknown name, a missing file or
a value out of its bounds is a ConfigError that names the source, the key, what was expected and
what was found.
"""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from rowferry.config_sources import (
    ConfigError,
    Problem,
    Setting,
    config_file,
    read_values,
    settings_of,
)

__all__ = ["Config", "ConfigError", "Problem", "load", "settings", "shown_settings"]

KIB: Final = 2**10
MIB: Final = 2**20
GIB: Final = 2**30
TIB: Final = 2**40
DAY_SECONDS: Final = 86_400
SECRET_MIN_CHARS: Final = 16


def _between(low: int, high: int) -> Meta:
    return Meta(ge=low, le=high)


def _bytes(low: int, high: int) -> Meta:
    return Meta(ge=low, le=high, extra={"unit": "bytes"})


def _matching(pattern: str, expected: str, *, secret: bool = False) -> Meta:
    return Meta(pattern=pattern, extra={"expected": expected, "secret": secret})


Port = Annotated[int, _between(0, 65_535)]
NamedText = Annotated[str, Meta(min_length=1)]
_SECRET: Final = Meta(
    extra={
        "secret": True,
        "expected": f"text of at least {SECRET_MIN_CHARS} characters, or a list of such texts",
    }
)


_QUERY_URL: Final = r"^((sqlite|postgresql\+psycopg|mysql\+pymysql)://.+)?$"


class _Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that belong together; unknown names are errors."""


class Server(_Group, frozen=True, kw_only=True):
    """The doors and what they let in. Port 0 = any free one."""

    host: NamedText = "127.0.0.1"
    port: Port = 9090
    status_port: Port = 9091
    websocket_port: Port = 9092
    public_url: Annotated[
        str, _matching(r"^(https?://[^\s/]+(/\S*)?)?$", "an http:// or https:// address")
    ] = ""
    data_directory: NamedText = "rowferry-data"
    node_address: Annotated[str, Meta(max_length=255)] = ""
    max_connections: Annotated[int, _between(1, 1_000_000)] = 1000
    max_inflight_bytes: Annotated[int, _bytes(MIB, 64 * GIB)] = 32 * MIB
    idle_timeout_seconds: Annotated[int, _between(1, DAY_SECONDS)] = 300
    max_message_bytes: Annotated[int, _bytes(64 * KIB, GIB)] = 16 * MIB
    shutdown_grace_seconds: Annotated[int, _between(0, 3600)] = 30


class Concurrency(_Group, frozen=True, kw_only=True):
    """How much runs at once.

    ``writer_threads`` 0 = one for each core, ``provider_threads`` 0 = one for each running export.
    """

    max_concurrent_tasks: Annotated[int, _between(1, 10_000)] = 10
    task_queue_size: Annotated[int, _between(1, 1_000_000)] = 1000
    queue_timeout_seconds: Annotated[int, _between(1, 30 * DAY_SECONDS)] = 3600
    writer_threads: Annotated[int, _between(0, 1024)] = 0
    upload_threads: Annotated[int, _between(1, 1024)] = 4
    provider_threads: Annotated[int, _between(0, 1024)] = 0


class Performance(_Group, frozen=True, kw_only=True):
    """What one export may hold of ``server.max_inflight_bytes``, and how long a write may take.

    ``buffer_bytes`` bounds the batches that are appended together, which are 1 MiB at most
    whatever is set above; a single batch may be larger. ``write_timeout_seconds`` 0 = as long as
    it takes.
    """

    buffer_bytes: Annotated[int, _bytes(64 * KIB, 4 * GIB)] = 10 * MIB
    write_timeout_seconds: Annotated[int, _between(0, DAY_SECONDS)] = 60


class Spool(_Group, frozen=True, kw_only=True):
    """Where acknowledged rows wait, and for how long a broken stream can be taken up again.

    ``fsync``: what is acknowledged survives a loss of power, not only the end of the process.
    """

    directory: str = ""
    fsync: bool = False
    max_lag_bytes: Annotated[int, _bytes(MIB, 1024 * GIB)] = 64 * MIB
    max_bytes_per_task: Annotated[int, _bytes(MIB, 1024 * TIB)] = 64 * GIB
    max_bytes: Annotated[int, _bytes(MIB, 1024 * TIB)] = 256 * GIB
    resume_window_seconds: Annotated[int, _between(0, 30 * DAY_SECONDS)] = 600


class Storage(_Group, frozen=True, kw_only=True):
    """Where finished files go, and how long their links work."""

    backend: Literal["local"] = "local"
    local_directory: str = ""
    temp_directory: str = ""
    min_free_bytes: Annotated[int, _bytes(0, 1024 * GIB)] = 256 * MIB
    link_expiry_seconds: Annotated[int, _between(1, 3650 * DAY_SECONDS)] = 7 * DAY_SECONDS


class TaskStore(_Group, frozen=True, kw_only=True):
    """The database; "" = SQLite in the data directory."""

    url: Annotated[
        str,
        _matching(
            r"^((sqlite:///|postgresql\+psycopg://|mysql\+pymysql://).+)?$",
            "sqlite:///FILE, postgresql+psycopg://… or mysql+pymysql://…",
            secret=True,
        ),
    ] = ""
    max_connections: Annotated[int, _between(1, 1000)] = 4

    def __repr__(self) -> str:
        """Leave the address out of every log line and traceback: it may hold a password."""
        return f"TaskStore(max_connections={self.max_connections}, …)"

    @property
    def is_server(self) -> bool:
        """Tell whether other nodes can use the same database."""
        return bool(self.url) and not self.url.startswith("sqlite:")


class TaskQueue(_Group, frozen=True, kw_only=True):
    """Who runs a pulled export: the node that took it in, or any node of the database."""

    engine: Literal["memory", "database"] = "memory"


class SqlColumn(_Group, frozen=True, kw_only=True):
    """A column of a query's file, in the order of the query."""

    name: str
    data_type: Literal["STRING", "NUMBER", "DATE", "BOOLEAN"] = "STRING"
    width: int = 0
    format: str = ""


class SqlQuerySettings(_Group, frozen=True, kw_only=True):
    """A query that pulled exports name: read-only, its parameters bound by the driver.

    ``parameters`` has a JSON Schema for each ``:name`` of the statements.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,99}$")]
    statement: NamedText
    url: Annotated[str, Meta(pattern=_QUERY_URL)] = ""
    url_file: str = ""
    parameters: dict[str, dict[str, Any]] = {}
    columns: tuple[SqlColumn, ...] = ()
    count_statement: str = ""
    batch_rows: Annotated[int, _between(1, 100_000)] = 1000

    def __repr__(self) -> str:
        """Leave the address, which may hold a password, out of every log line and traceback."""
        return f"SqlQuerySettings(name={self.name!r}, …)"


class Providers(_Group, frozen=True, kw_only=True):
    """Data providers that need no code of their own."""

    sql_queries: Annotated[
        tuple[SqlQuerySettings, ...],
        Meta(
            extra={
                "secret": True,  # addresses hold passwords
                "expected": "queries, each with a name, a statement and a url or url_file",
            }
        ),
    ] = ()


class Retry(_Group, frozen=True, kw_only=True):
    """How failed attempts are repeated: exponential back-off with full jitter."""

    max_attempts: Annotated[int, _between(1, 100)] = 4
    base_seconds: Annotated[float, Meta(ge=0, le=DAY_SECONDS)] = 10
    cap_seconds: Annotated[float, Meta(ge=0, le=DAY_SECONDS)] = 900


class Lease(_Group, frozen=True, kw_only=True):
    """How long a process that stops answering keeps its tasks, and how often it must answer."""

    seconds: Annotated[float, Meta(ge=1, le=3600)] = 60
    heartbeat_seconds: Annotated[float, Meta(ge=0.1, le=1200)] = 15


class Retention(_Group, frozen=True, kw_only=True):
    """How long files, rows of failed exports, and what is known of ended tasks are kept."""

    file_seconds: Annotated[int, _between(1, 3650 * DAY_SECONDS)] = 30 * DAY_SECONDS
    failed_spool_seconds: Annotated[int, _between(0, 365 * DAY_SECONDS)] = DAY_SECONDS
    tombstone_seconds: Annotated[int, _between(1, 3650 * DAY_SECONDS)] = 30 * DAY_SECONDS


class Security(_Group, frozen=True, kw_only=True):
    """TLS, the links' secret, and the consent to serve without authentication."""

    allow_unauthenticated: bool = False
    link_secret: Annotated[str | tuple[str, ...], _SECRET] = ""
    link_secret_file: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    client_ca: str = ""

    def __repr__(self) -> str:
        """Leave the secret out of every log line and traceback."""
        return f"Security(tls_certificate={self.tls_certificate!r}, …)"

    @property
    def link_secrets(self) -> tuple[str, ...]:
        """The secrets of download links: the first signs, all verify; empty = from the file."""
        if isinstance(self.link_secret, str):
            return (self.link_secret,) if self.link_secret else ()
        return self.link_secret


class Logging(_Group, frozen=True, kw_only=True):
    """The log: ``output`` is ``stdout`` or a file's path."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
    output: NamedText = "stdout"


class Monitoring(_Group, frozen=True, kw_only=True):
    """The port of metrics and health."""

    metrics_port: Port = 8080


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings, and the paths that follow from them: absolute, made nowhere yet."""

    server: Server = Server()
    concurrency: Concurrency = Concurrency()
    performance: Performance = Performance()
    spool: Spool = Spool()
    storage: Storage = Storage()
    task_store: TaskStore = TaskStore()
    task_queue: TaskQueue = TaskQueue()
    providers: Providers = Providers()

    retry: Retry = Retry()
    lease: Lease = Lease()
    retention: Retention = Retention()
    security: Security = Security()
    logging: Logging = Logging()
    monitoring: Monitoring = Monitoring()

    @property
    def data_directory(self) -> Path:
        """The folder that everything lies under unless another setting says otherwise."""
        return Path(self.server.data_directory).absolute()

    @property
    def database_url(self) -> str:
        """The task store's SQLAlchemy address."""
        return self.task_store.url or f"sqlite:///{self.data_directory / 'rowferry.db'}"

    @property
    def spool_directory(self) -> Path:
        """The folder of the logs of rows."""
        return self._under(self.spool.directory, "spool")

    @property
    def temp_directory(self) -> Path:
        """The folder of files that are being written."""
        return self._under(self.storage.temp_directory, "temporary")

    @property
    def local_directory(self) -> Path:
        """The folder of finished files."""
        return self._under(self.storage.local_directory, "files")

    @property
    def link_secret_path(self) -> Path:
        """The file of the links' secret; the service makes it when it is missing."""
        return self._under(self.security.link_secret_file, "link-secret")

    @property
    def node_id_path(self) -> Path:
        """The file of this node's id; the service makes it when it is missing."""
        return self.data_directory / "node-id"

    @property
    def writer_threads(self) -> int:
        """How many calls into the core run at once."""
        return self.concurrency.writer_threads or len(os.sched_getaffinity(0))

    @property
    def provider_threads(self) -> int:
        """How many data providers are read at once."""
        return self.concurrency.provider_threads or self.concurrency.max_concurrent_tasks

    @property
    def encoder_threads(self) -> int:
        """How many threads encode beside those that write files, which encode too."""
        return max(1, self.writer_threads - 1)

    def _under(self, named: str, default: str) -> Path:
        return Path(named).absolute() if named else self.data_directory / default


def settings() -> tuple[Setting, ...]:
    """Give every setting there is."""
    return settings_of(Config)


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


def shown_settings(config: Config) -> dict[str, Any]:
    """Give ``group.key`` -> value of all settings, for people: secrets are masked.

    Of queries only the names are shown.
    """
    shown: dict[str, Any] = {}
    for setting in settings():
        value = getattr(getattr(config, setting.group), setting.key)
        shown[setting.name] = "***" if setting.is_secret and value else value
    shown["providers.sql_queries"] = [query.name for query in config.providers.sql_queries]
    return shown


def _contradictions(config: Config) -> Iterator[Problem]:
    """Find values that are good alone and bad together."""
    server, security = config.server, config.security
    if not _is_loopback(server.host) and not security.allow_unauthenticated:
        expected = "a loopback address, or security.allow_unauthenticated = true"
        yield _conflict("server.host", expected, server.host)
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
    yield from _contradictions_of_secrets(config)
    yield from _contradictions_of_tls(security)


def _contradictions_of_secrets(config: Config) -> Iterator[Problem]:
    security = config.security
    if any(len(secret) < SECRET_MIN_CHARS for secret in security.link_secrets):
        expected = f"texts of at least {SECRET_MIN_CHARS} characters"
        yield _conflict("security.link_secret", expected, "a shorter one")
    if config.task_store.is_server and not (security.link_secrets or security.link_secret_file):
        expected = "it or link_secret_file: every node of a shared database signs links alike"
        yield _conflict("security.link_secret", expected, "neither")
    if security.link_secrets and security.link_secret_file:
        yield _conflict("security.link_secret", "either it or link_secret_file", "both")


def _contradictions_of_tls(security: Security) -> Iterator[Problem]:
    if bool(security.tls_certificate) != bool(security.tls_key):
        yield _conflict("security.tls_certificate", "it and tls_key together", "one of them")
    if security.client_ca and not security.tls_certificate:
        yield _conflict("security.client_ca", "tls_certificate and tls_key beside it", "neither")


def _conflict(key: str, expected: str, got: str) -> Problem:
    return Problem(source="settings", key=key, expected=expected, got=got)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
