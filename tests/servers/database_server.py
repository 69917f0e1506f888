"""A database server of the tests' own."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, Row, create_engine
from sqlalchemy.exc import DBAPIError

from tests.servers.server_process import ServerProcess


class DatabaseServer(ServerProcess):
    """A server process that tests have databases of their own in, made by ``create_database``."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        super().__init__(folder, options)
        self._databases = 0

    @abstractmethod
    def url(self, database: str = "") -> str:
        """Give the address of a database, or of the one that is always there."""

    def create_database(self) -> str:
        """Make an empty database and give its address."""
        self._databases += 1
        name = f"tasks_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, *, url: str = "") -> Sequence[Row[Any]]:
        """Run a statement of a test's own, outside transactions; give the rows if it has some."""
        engine = create_engine(url or self.url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            result = connection.exec_driver_sql(statement)
            return result.all() if result.returns_rows else ()

    def answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except DBAPIError:
            return False
        return True
