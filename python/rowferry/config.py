"""All settings of a service, and what follows from them."""

import os
from pathlib import Path
from typing import Any

import msgspec

from rowferry.config_groups import (
    S3,
    Concurrency,
    Lease,
    Logging,
    Monitoring,
    Oss,
    Performance,
    Progress,
    Providers,
    Retention,
    Retry,
    Server,
    Spool,
    Storage,
    TaskQueue,
    TaskStore,
    Uploads,
)
from rowferry.config_security import Security
from rowferry.config_sources import (
    Setting,
    settings_of,
)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings, and the paths that follow from them: absolute, made nowhere yet."""

    server: Server = Server()
    concurrency: Concurrency = Concurrency()
    performance: Performance = Performance()
    spool: Spool = Spool()
    storage: Storage = Storage()
    oss: Oss = Oss()
    s3: S3 = S3()
    task_store: TaskStore = TaskStore()
    task_queue: TaskQueue = TaskQueue()
    providers: Providers = Providers()

    retry: Retry = Retry()
    lease: Lease = Lease()
    retention: Retention = Retention()
    progress: Progress = Progress()
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
    def uploads(self) -> Uploads:
        """How files become objects of the chosen backend."""
        return {"local": Uploads(), "oss": self.oss, "s3": self.s3}[self.storage.backend]

    @property
    def link_secret_path(self) -> Path:
        """The file of the links' secret; the service makes it when it is missing."""
        return self._under(self.security.link_secret_file, "link-secret")

    @property
    def tokens_path(self) -> Path:
        """The file of the hashes of tokens that ``rowferry token`` makes."""
        return self._under(self.security.tokens_file, "tokens.json")

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


def shown_settings(config: Config) -> dict[str, Any]:
    """Give ``group.key`` -> value of all settings, for people: secrets are masked.

    Of queries and of clients only the names are shown.
    """
    shown: dict[str, Any] = {}
    for setting in settings():
        value = getattr(getattr(config, setting.group), setting.key)
        shown[setting.name] = "***" if setting.is_secret and value else value
    shown["providers.sql_queries"] = [query.name for query in config.providers.sql_queries]
    shown["security.clients"] = [client.name for client in config.security.clients]
    return shown
