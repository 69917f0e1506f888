"""PostgreSQL, as Debian packages it (``postgresql``)."""

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.servers.database_server import DatabaseServer

# What was committed survives the end of the process, which is all that tests do to it.
FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=50")


class PostgresqlServer(DatabaseServer):
    program = "postgres"
    account = "postgres"

    @classmethod
    def find(cls, program: str) -> str | None:
        # Debian keeps them out of PATH, a folder for each version.
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
        return shutil.which(program or cls.program, path=str(*folders) or None)

    def initialise(self) -> None:
        initdb = self.find("initdb")
        assert initdb is not None
        options = ("--username=rowferry", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        self._run([initdb, f"--pgdata={self.data}", "--no-sync", *options])

    def command(self) -> Sequence[str]:
        server = self.find("")
        assert server is not None
        settings = (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=")
        every = (*settings, *FAST, *self._options)
        return [server, "-D", str(self.data), *(part for s in every for part in ("-c", s))]

    def url(self, database: str = "") -> str:
        return f"postgresql+psycopg://rowferry@127.0.0.1:{self.port}/{database or 'postgres'}"

    def stop_immediately(self) -> None:
        """End as in a crash; the next start recovers (``pg_ctl stop -m immediate``)."""
        self.stop(signal.SIGQUIT)
