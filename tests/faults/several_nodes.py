"""Service processes on one PostgreSQL and one storage: nodes that may lose each other."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.service_process import ServiceProcess, running_service
from tests.servers.postgresql import PostgresqlServer

LEASE_SECONDS: Final = 2
NUMBERS: Final = "numbers"
# Rows that take their time: a run lasts long enough to be stopped in the middle.
_PROVIDER: Final = """
[[providers.sql_queries]]
name = "numbers"
url = "{url}"
statement = "SELECT n, pg_sleep(:pause)::text AS pause FROM generate_series(1, :last) AS n"
batch_rows = 100
parameters.last = {{ type = "integer" }}
parameters.pause = {{ type = "number", default = 0 }}
columns = [{{ name = "Number", data_type = "NUMBER" }}, {{ name = "Nothing" }}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """The folders of nodes that share a database and a storage."""

    folder: Path
    server: PostgresqlServer
    settings: Mapping[str, object]
    provider: str

    @property
    def storage(self) -> Path:
        """Where the files of all nodes go."""
        return self.folder / "files"

    def in_transaction(self) -> bool:
        """Tell whether any node is in the middle of a transaction: it may hold rows locked."""
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        )
        return bool(self.server.execute(query, url=str(self.settings["task_store.url"])))

    def running(self, name: str) -> AbstractContextManager[ServiceProcess]:
        """Run a node: under the same name it is the same one again."""
        data_directory = self.folder / name
        data_directory.mkdir(exist_ok=True)
        (data_directory / "config.toml").write_text(self.provider, encoding="utf-8")
        return running_service(data_directory, self.settings)


@contextmanager
def nodes_on_postgresql(folder: Path) -> Iterator[Nodes]:
    """Start the database that the nodes have in common."""
    with PostgresqlServer.running() as server:
        settings = {
            "task_store.url": server.create_database(),
            "task_queue.engine": "database",
            "storage.local_directory": folder / "files",
            "security.link_secret": "of the tests, the same for every node",
            "lease.seconds": LEASE_SECONDS,
            "lease.heartbeat_seconds": LEASE_SECONDS / 4,
            "retry.base_seconds": 0.1,
            "retry.max_attempts": 20,
            "logging.level": "debug",
        }
        provider = _PROVIDER.format(url=server.create_database())
        yield Nodes(folder=folder, server=server, settings=settings, provider=provider)
