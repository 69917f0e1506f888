"""The groups of settings: names, units, defaults and bounds.

A group is what a table of the configuration file is; ``config.Config`` has them all.
"""

import math
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

KIB: Final = 2**10
MIB: Final = 2**20
GIB: Final = 2**30
TIB: Final = 2**40
DAY_SECONDS: Final = 86_400


def _between(low: int, high: int) -> Meta:
    return Meta(ge=low, le=high)


def _bytes(low: int, high: int) -> Meta:
    return Meta(ge=low, le=high, extra={"unit": "bytes"})


def _matching(pattern: str, expected: str, *, secret: bool = False) -> Meta:
    return Meta(pattern=pattern, extra={"expected": expected, "secret": secret})


Port = Annotated[int, _between(0, 65_535)]
NamedText = Annotated[str, Meta(min_length=1)]


Endpoint = Annotated[
    str,
    _matching(
        r"^((https?://)?[A-Za-z0-9.-]+(:[0-9]{1,5})?/?)?\Z",
        "a host, with https:// or http:// before it or not, and no path",
    ),
]
SecretText = Annotated[str, Meta(extra={"secret": True})]
# What storage.object_keys allows, with room for a task's own part of the key.
KeyPrefix = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Za-z_][0-9A-Za-z_.=-]*(/[0-9A-Za-z_][0-9A-Za-z_.=-]*)*\Z",
        max_length=400,
        extra={"expected": "ASCII names with / between, each begins with a letter, digit or _"},
    ),
]
_QUERY_URL: Final = r"^((sqlite|postgresql\+psycopg|mysql\+pymysql)://.+)?$"


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that belong together; unknown names are errors."""


class Server(Group, frozen=True, kw_only=True):
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
    max_connections_per_address: Annotated[int, _between(0, 1_000_000)] = 500
    max_inflight_bytes: Annotated[int, _bytes(MIB, 64 * GIB)] = 32 * MIB
    idle_timeout_seconds: Annotated[int, _between(1, DAY_SECONDS)] = 300
    max_message_bytes: Annotated[int, _bytes(64 * KIB, GIB)] = 16 * MIB
    shutdown_grace_seconds: Annotated[int, _between(0, 3600)] = 30


class Concurrency(Group, frozen=True, kw_only=True):
    """How much runs at once.

    ``writer_threads`` 0 = one for each core, ``provider_threads`` 0 = one for each running export.
    """

    max_concurrent_tasks: Annotated[int, _between(1, 10_000)] = 10
    task_queue_size: Annotated[int, _between(1, 1_000_000)] = 1000
    queue_timeout_seconds: Annotated[int, _between(1, 30 * DAY_SECONDS)] = 3600
    writer_threads: Annotated[int, _between(0, 1024)] = 0
    upload_threads: Annotated[int, _between(1, 1024)] = 8
    provider_threads: Annotated[int, _between(0, 1024)] = 0


class Performance(Group, frozen=True, kw_only=True):
    """What one export may hold of ``server.max_inflight_bytes``, and how long a write may take.

    ``buffer_bytes`` bounds the batches that are appended together, which are 1 MiB at most
    whatever is set above; a single batch may be larger. ``write_timeout_seconds`` 0 = as long as
    it takes.
    """

    buffer_bytes: Annotated[int, _bytes(64 * KIB, 4 * GIB)] = 10 * MIB
    write_timeout_seconds: Annotated[int, _between(0, DAY_SECONDS)] = 60


class Spool(Group, frozen=True, kw_only=True):
    """Where acknowledged rows wait, and for how long a broken stream can be taken up again.

    ``fsync``: what is acknowledged survives a loss of power, not only the end of the process.
    """

    directory: str = ""
    fsync: bool = False
    max_lag_bytes: Annotated[int, _bytes(MIB, 1024 * GIB)] = 8 * MIB
    max_bytes_per_task: Annotated[int, _bytes(MIB, 1024 * TIB)] = 64 * GIB
    max_bytes: Annotated[int, _bytes(MIB, 1024 * TIB)] = 256 * GIB
    resume_window_seconds: Annotated[int, _between(0, 30 * DAY_SECONDS)] = 600


class Storage(Group, frozen=True, kw_only=True):
    """Where finished files go, and how long their links work."""

    backend: Literal["local", "oss", "s3"] = "local"
    local_directory: str = ""
    temp_directory: str = ""
    temp_retention_seconds: Annotated[int, _between(0, 30 * DAY_SECONDS)] = 3600
    cleanup_enabled: bool = True
    upload_while_writing: bool = True
    min_free_bytes: Annotated[int, _bytes(0, 1024 * GIB)] = 256 * MIB
    link_expiry_seconds: Annotated[int, _between(1, 3650 * DAY_SECONDS)] = 7 * DAY_SECONDS
    proxy_downloads: bool = False
    direct_links: bool = False

    @property
    def kept_seconds(self) -> float:
        """How long a file that is in storage is kept here as well."""
        return self.temp_retention_seconds if self.cleanup_enabled else math.inf


class Uploads(Group, frozen=True, kw_only=True):
    """How files become objects of a bucket, whichever it is.

    A file grows its parts where it would need more of them than a storage takes.
    """

    part_bytes: Annotated[int, _bytes(100 * KIB, 5 * GIB)] = 10 * MIB
    multipart_threshold_bytes: Annotated[int, _bytes(1, 5 * GIB)] = 100 * MIB
    parallel_parts: Annotated[int, _between(1, 100)] = 5
    max_retries: Annotated[int, _between(0, 20)] = 3
    upload_timeout_seconds: Annotated[int, _between(1, DAY_SECONDS)] = 1800
    public_bucket: bool = False
    prefix: KeyPrefix = "exports"
    fallback: Literal["", "local"] = ""


class Oss(Uploads, frozen=True, kw_only=True):
    """A bucket of Alibaba Cloud OSS: how it is reached, and by whom.

    ``credentials_file`` or ``credentials_url`` take the place of keys that change.
    """

    endpoint: Endpoint = ""
    public_endpoint: Endpoint = ""
    cname: bool = False
    region: Annotated[
        str, _matching(r"^(?!oss-)[a-z0-9-]*\Z", 'a region such as "cn-hangzhou", without "oss-"')
    ] = ""
    # https://www.alibabacloud.com/help/en/oss/user-guide/bucket-naming-conventions
    bucket: Annotated[
        str,
        _matching(r"^([a-z0-9][a-z0-9-]{1,61}[a-z0-9])?\Z", "a bucket: 3 to 63 of a-z, 0-9 and -"),
    ] = ""
    access_key_id: str = ""
    access_key_secret: SecretText = ""
    access_key_secret_file: str = ""
    security_token: SecretText = ""
    security_token_file: str = ""
    credentials_file: str = ""
    credentials_url: Annotated[str, _matching(r"^(https?://\S+)?\Z", "an http(s) address")] = ""

    def __repr__(self) -> str:
        """Leave the secrets out of every log line and traceback."""
        return f"Oss(endpoint={self.endpoint!r}, bucket={self.bucket!r}, …)"

    @property
    def temporary_credentials(self) -> bool:
        """Whether the keys end soon, and with them every address they have signed."""
        token = self.security_token or self.security_token_file
        return bool(token or self.credentials_file or self.credentials_url)

    @property
    def endpoint_url(self) -> str:
        """Where files are sent to."""
        return _with_scheme(self.endpoint)

    @property
    def public_endpoint_url(self) -> str:
        """Where links lead to."""
        return _with_scheme(self.public_endpoint or self.endpoint)


class S3(Uploads, frozen=True, kw_only=True):
    """A bucket of Amazon S3, or of a storage that speaks its protocol.

    ``endpoint`` "" = Amazon's own of the region. Without keys they are looked for where AWS
    programs do: environment, ``~/.aws``, the machine's role. ``object_tags``: the storage has
    them, which Google's interoperable endpoint has not.
    """

    endpoint: Endpoint = ""
    public_endpoint: Endpoint = ""
    region: Annotated[str, _matching(r"^[a-z0-9-]*\Z", 'a region such as "eu-central-1"')] = ""
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    bucket: Annotated[
        str,
        _matching(
            r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?\Z", "a bucket: 3 to 63 of a-z, 0-9, . and -"
        ),
    ] = ""
    path_style: bool = False
    object_tags: bool = True
    access_key_id: str = ""
    secret_access_key: SecretText = ""
    secret_access_key_file: str = ""
    session_token: SecretText = ""
    session_token_file: str = ""
    part_bytes: Annotated[int, _bytes(5 * MIB, 5 * GIB)] = 10 * MIB

    def __repr__(self) -> str:
        """Leave the secrets out of every log line and traceback."""
        return f"S3(endpoint={self.endpoint!r}, bucket={self.bucket!r}, …)"

    @property
    def temporary_credentials(self) -> bool:
        """Whether the keys end soon, as a role's do, and with them every address they signed."""
        return bool(not self.access_key_id or self.session_token or self.session_token_file)

    @property
    def endpoint_url(self) -> str:
        """Where files are sent to; "" = Amazon's own."""
        return _with_scheme(self.endpoint)

    @property
    def public_endpoint_url(self) -> str:
        """Where links lead to; "" = Amazon's own."""
        return _with_scheme(self.public_endpoint or self.endpoint)


class TaskStore(Group, frozen=True, kw_only=True):
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
    call_timeout_seconds: Annotated[float, Meta(ge=1, le=3600)] = 30

    def __repr__(self) -> str:
        """Leave the address out of every log line and traceback: it may hold a password."""
        return f"TaskStore(max_connections={self.max_connections}, …)"

    @property
    def is_server(self) -> bool:
        """Tell whether other nodes can use the same database."""
        return bool(self.url) and not self.url.startswith("sqlite:")


class TaskQueue(Group, frozen=True, kw_only=True):
    """Who runs a pulled export: the node that took it in, or any node of the database."""

    engine: Literal["memory", "database"] = "memory"


class SqlColumn(Group, frozen=True, kw_only=True):
    """A column of a query's file, in the order of the query."""

    name: str
    data_type: Literal["STRING", "NUMBER", "DATE", "BOOLEAN"] = "STRING"
    width: int = 0
    format: str = ""


class SqlQuerySettings(Group, frozen=True, kw_only=True):
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
    statement_timeout_seconds: Annotated[float, Meta(ge=0, le=DAY_SECONDS)] = 3600

    def __repr__(self) -> str:
        """Leave the address, which may hold a password, out of every log line and traceback."""
        return f"SqlQuerySettings(name={self.name!r}, …)"


class Providers(Group, frozen=True, kw_only=True):
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


class Retry(Group, frozen=True, kw_only=True):
    """How failed attempts are repeated: exponential back-off with full jitter."""

    max_attempts: Annotated[int, _between(1, 100)] = 4
    base_seconds: Annotated[float, Meta(ge=0, le=DAY_SECONDS)] = 10
    cap_seconds: Annotated[float, Meta(ge=0, le=DAY_SECONDS)] = 900


class Lease(Group, frozen=True, kw_only=True):
    """How long a process that stops answering keeps its tasks, and how often it must answer."""

    seconds: Annotated[float, Meta(ge=1, le=3600)] = 60
    heartbeat_seconds: Annotated[float, Meta(ge=0.1, le=1200)] = 15


class Progress(Group, frozen=True, kw_only=True):
    """How many may watch tasks at once, and what that may cost.

    ``sends_per_second``: of all watchers together, each of at most 16 KiB.
    """

    max_watchers: Annotated[int, _between(0, 1_000_000)] = 2000
    max_watchers_per_client: Annotated[int, _between(0, 1_000_000)] = 1000
    sends_per_second: Annotated[int, _between(1, 1_000_000)] = 1000


class Retention(Group, frozen=True, kw_only=True):
    """How long files, rows of failed exports, and what is known of ended tasks are kept."""

    file_seconds: Annotated[int, _between(1, 3650 * DAY_SECONDS)] = 30 * DAY_SECONDS
    failed_spool_seconds: Annotated[int, _between(0, 365 * DAY_SECONDS)] = DAY_SECONDS
    tombstone_seconds: Annotated[int, _between(1, 3650 * DAY_SECONDS)] = 30 * DAY_SECONDS


class Logging(Group, frozen=True, kw_only=True):
    """The log: ``output`` is ``stdout`` or a file's path."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
    output: NamedText = "stdout"


class Monitoring(Group, frozen=True, kw_only=True):
    """The port of metrics and health."""

    metrics_port: Port = 8080


def _with_scheme(endpoint: str) -> str:
    bare = endpoint.rstrip("/")
    return bare if not bare or "://" in bare else f"https://{bare}"
