"""MariaDB, as Debian packages it (``mariadb-server``)."""

import getpass
import shutil
from collections.abc import Sequence

from tests.servers.database_server import DatabaseServer

# What was committed survives the end of the process, which is all that tests do to it.
FAST = (
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=16M",
    "--performance-schema=off",
    "--skip-log-bin",
    # Every page, not some by chance: plans of queries are tested.
    "--innodb-stats-persistent-sample-pages=1000",
)


class MariadbServer(DatabaseServer):
    program = "mariadbd"
    account = "mysql"

    @classmethod
    def find(cls, program: str) -> str | None:
        return shutil.which(program or cls.program, path="/usr/sbin:/usr/bin:/usr/local/bin")

    def initialise(self) -> None:
        install = self.find("mariadb-install-db")
        assert install is not None
        options = ("--auth-root-authentication-method=normal", "--skip-test-db")
        self._run([install, "--no-defaults", f"--datadir={self.data}", self._as_user, *options])

    def command(self) -> Sequence[str]:
        server = self.find("")
        assert server is not None
        files = (f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid")
        address = (f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve")
        folder = ("--no-defaults", f"--datadir={self.data}", self._as_user)
        return [server, *folder, *address, *files, *FAST, *self._options]

    def url(self, database: str = "") -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{database or 'mysql'}"

    @property
    def _as_user(self) -> str:
        return f"--user={self._user or getpass.getuser()}"
