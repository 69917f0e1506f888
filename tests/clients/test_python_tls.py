"""Certificates on both sides: who is not trusted, or not known, is told at once and why."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from rowferry.client import TlsError, UnauthenticatedError
from tests.clients.python_facades import FACADES, MakeFacade
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

CLIENT_NAME = "shop.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """A service that wants certificates, and the authority of both sides."""

    service: ServiceProcess
    authority: trustme.CA
    ca_file: str

    @property
    def address(self) -> str:
        return f"https://{self.service.grpc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The files of a certificate and its key."""

    certificate_file: str
    key_file: str


def issued(authority: trustme.CA, folder: Path, name: str) -> Shown:
    folder.mkdir(exist_ok=True)
    files = Shown(certificate_file=f"{folder}/{name}.pem", key_file=f"{folder}/{name}.key")
    certificate = authority.issue_cert(name)
    chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
    Path(files.certificate_file).write_bytes(chain)
    certificate.private_key_pem.write_to_path(files.key_file)
    return files


def mutual_tls_service(folder: Path, server_name: str) -> Iterator[Secured]:
    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    server = issued(authority, folder, server_name)
    settings = folder / "settings.toml"
    settings.write_text(
        f"""[security]
auth_enabled = true
tls_certificate = "{server.certificate_file}"
tls_key = "{server.key_file}"
client_ca = "{ca_file}"
[[security.clients]]
name = "shop"
certificate_names = ["{CLIENT_NAME}"]
"""
    )
    arguments = ("-m", "rowferry", "serve", "--config", str(settings))
    with running_service(folder, arguments=arguments) as service:
        yield Secured(service=service, authority=authority, ca_file=str(ca_file))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    yield from mutual_tls_service(tmp_path_factory.mktemp("mutual"), "127.0.0.1")


@pytest.fixture(scope="module")
def misnamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    yield from mutual_tls_service(tmp_path_factory.mktemp("misnamed"), "other.example")


@pytest.fixture(params=FACADES)
def make_facade(request: pytest.FixtureRequest) -> MakeFacade:
    return FACADES[request.param]


@pytest.fixture
def shop(secured: Secured, tmp_path: Path) -> Shown:
    return issued(secured.authority, tmp_path, CLIENT_NAME)


@pytest.fixture(autouse=True)
def nothing_is_tried_again(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING, "rowferry.client"):
        yield
    assert not caplog.records


def test_a_certificate_opens_the_service(
    secured: Secured, make_facade: MakeFacade, shop: Shown, tmp_path: Path
) -> None:
    export = make_facade(
        secured.address,
        ca_file=secured.ca_file,
        certificate_file=shop.certificate_file,
        key_file=shop.key_file,
    )
    assert export([["x"]], columns=["A"], into=tmp_path / "file").rows == 1


def test_an_authority_that_is_not_trusted_is_told(
    secured: Secured, make_facade: MakeFacade, shop: Shown, tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "stranger.pem"))
    export = make_facade(
        secured.address,
        ca_file=str(tmp_path / "stranger.pem"),
        certificate_file=shop.certificate_file,
        key_file=shop.key_file,
    )
    with pytest.raises(TlsError, match="CERTIFICATE_VERIFY_FAILED") as refused:
        export([["x"]], columns=["A"])
    assert secured.service.grpc in str(refused.value)


def test_a_service_of_another_name_is_told(
    misnamed: Secured, make_facade: MakeFacade, tmp_path: Path
) -> None:
    shop = issued(misnamed.authority, tmp_path, CLIENT_NAME)
    export = make_facade(
        misnamed.address,
        ca_file=misnamed.ca_file,
        certificate_file=shop.certificate_file,
        key_file=shop.key_file,
    )
    with pytest.raises(TlsError, match=r"not valid for '127\.0\.0\.1'"):
        export([["x"]], columns=["A"])


def test_a_certificate_that_is_missing_is_told(secured: Secured, make_facade: MakeFacade) -> None:
    with pytest.raises(TlsError, match="CERTIFICATE_REQUIRED"):
        make_facade(secured.address, ca_file=secured.ca_file)([["x"]], columns=["A"])


def test_a_certificate_of_a_stranger_is_told(
    secured: Secured, make_facade: MakeFacade, tmp_path: Path
) -> None:
    forged = issued(trustme.CA(), tmp_path, CLIENT_NAME)
    export = make_facade(
        secured.address,
        ca_file=secured.ca_file,
        certificate_file=forged.certificate_file,
        key_file=forged.key_file,
    )
    with pytest.raises(TlsError, match="UNKNOWN_CA"):
        export([["x"]], columns=["A"])


def test_a_certificate_of_nobody_is_refused_by_name(
    secured: Secured, make_facade: MakeFacade, tmp_path: Path
) -> None:
    nobody = issued(secured.authority, tmp_path, "nobody.example")
    export = make_facade(
        secured.address,
        ca_file=secured.ca_file,
        certificate_file=nobody.certificate_file,
        key_file=nobody.key_file,
    )
    with pytest.raises(UnauthenticatedError):
        export([["x"]], columns=["A"])


def test_a_key_of_another_certificate_is_refused_before_anybody_is_called(
    secured: Secured, make_facade: MakeFacade, shop: Shown, tmp_path: Path
) -> None:
    other = issued(secured.authority, tmp_path / "other", CLIENT_NAME)
    with pytest.raises(OSError, match="KEY_VALUES_MISMATCH"):
        make_facade(
            secured.address,
            ca_file=secured.ca_file,
            certificate_file=shop.certificate_file,
            key_file=other.key_file,
        )([["x"]], columns=["A"])
