"""What is said of a database server that refuses the service, and of one that is not trusted."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from rowferry.config_sources import ConfigError
from rowferry.taskstore.schema import needs_upgrade
from tests.servers.database_server import DatabaseServer
from tests.servers.mariadb import MariadbServer
from tests.servers.postgresql import PostgresqlServer

OF_KNOWN = "of-known"
OPTIONS: dict[type[DatabaseServer], tuple[str, ...]] = {
    PostgresqlServer: ("ssl=on", "ssl_cert_file={0}/chain.pem", "ssl_key_file={0}/key.pem"),
    MariadbServer: ("--ssl-cert={0}/chain.pem", "--ssl-key={0}/key.pem"),
}
TRUST: dict[type[DatabaseServer], str] = {
    PostgresqlServer: "?sslmode=verify-full&sslrootcert=",
    MariadbServer: "?ssl_ca=",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsDatabase:
    """A database of a server with a certificate, and two authorities."""

    url: str
    trusting: str
    ca: Path
    other_ca: Path

    def of_user(self, name: str, password: str) -> str:
        """Give the address for another user than the tests' own."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{name}:{password}@{rest.partition('@')[2]}"


@pytest.fixture(scope="module", params=OPTIONS, ids=lambda kind: kind.program)
def database(request: pytest.FixtureRequest) -> Iterator[TlsDatabase]:
    kind: type[DatabaseServer] = request.param
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as somebody else
        _write_certificates(folder)
        with kind.running(*(o.format(folder) for o in _readable(kind, folder))) as server:
            _let_in_by_password(server)
            yield TlsDatabase(
                url=server.create_database(),
                trusting=TRUST[kind],
                ca=folder / "ca.pem",
                other_ca=folder / "other.pem",
            )


def _write_certificates(folder: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    other.cert_pem.write_to_path(folder / "other.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    (folder / "chain.pem").write_bytes(chain)


def _readable(kind: type[DatabaseServer], folder: Path) -> tuple[str, ...]:
    """Give the key to whom the server runs as, and to nobody else."""
    (folder / "key.pem").chmod(0o600)
    user = kind.user_of_process()
    if user is not None:
        shutil.chown(folder / "key.pem", user)
    return OPTIONS[kind]


def _let_in_by_password(server: DatabaseServer) -> None:
    if isinstance(server, PostgresqlServer):
        server.execute(f"CREATE ROLE known LOGIN PASSWORD '{OF_KNOWN}'")
        rules = "host all rowferry all trust\nhost all all all scram-sha-256\n"
        (server.data / "pg_hba.conf").write_text(rules)
        server.execute("SELECT pg_reload_conf()")
    else:
        server.execute(f"CREATE USER known IDENTIFIED BY '{OF_KNOWN}'")


def test_server_with_a_certificate_of_the_named_authority_is_used(database: TlsDatabase) -> None:
    assert needs_upgrade(f"{database.url}{database.trusting}{database.ca}")


def test_server_with_a_certificate_of_another_authority_is_refused(database: TlsDatabase) -> None:
    with pytest.raises(ConfigError) as refused:
        needs_upgrade(f"{database.url}{database.trusting}{database.other_ca}")
    assert "certificate" in str(refused.value)
    assert "task_store.url" in str(refused.value)


@pytest.mark.parametrize("name", ["known", "nobody"])
def test_wrong_password_is_told_as_such_and_not_shown(database: TlsDatabase, name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        needs_upgrade(database.of_user(name, "a-wrong-one"))
    assert "authentication failed" in str(refused.value)
    assert "a-wrong-one" not in f"{refused.value!r} {refused.value}"
