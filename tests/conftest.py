"""What all tests share: how Hypothesis runs, and servers that start when one is asked for."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.doubles.oss.running import OssDouble, running_oss_double
from tests.raised_errors import watched_errors
from tests.servers.mariadb import MariadbServer
from tests.servers.postgresql import PostgresqlServer
from tests.servers.seaweedfs import SeaweedServer

# Servers are started while grpcio's threads work: its own handlers of fork() crash then. Said
# before any test imports it.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

# A shell's background job ignores Ctrl+C, and so would the programs that tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadlines: a shared machine's pauses are no property of the code.
settings.register_profile("local", deadline=None)
# The same examples on every run, so that a red build stays red until it is mended.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def errors_as_catalogued() -> Iterator[None]:
    """Fail a test in which the package made an error that its catalogue does not describe."""
    with watched_errors() as wrong:
        yield
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL for databases of a test's own: who stops a server makes one of its own."""
    with PostgresqlServer.running() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    """A MariaDB for databases of a test's own: who stops a server makes one of its own."""
    with MariadbServer.running() as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[SeaweedServer]:
    """An S3 for buckets of a test's own: who stops a server makes one of its own."""
    with SeaweedServer.running() as server:
        yield server


@pytest.fixture(scope="session")
def oss_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OssDouble]:
    """The OSS double's process; ask for ``oss_double``, which is empty."""
    with running_oss_double(folder=tmp_path_factory.mktemp("oss")) as double:
        yield double


@pytest.fixture
def oss_double(oss_server: OssDouble) -> OssDouble:
    """An OSS with the bucket ``exports`` and nothing in it; nothing goes wrong in it yet."""
    oss_server.clear()
    return oss_server
