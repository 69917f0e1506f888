"""TLS contexts are made of files, and made anew."""

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from rowferry.wire.tls import HTTP_1, ServerTls, TlsFiles, server_tls_context


def issue(authority: trustme.CA, folder: Path, name: str = "localhost") -> TlsFiles:
    issued = authority.issue_cert(name)
    key, certificate, ca = (folder / f"{part}.pem" for part in ("key", "certificate", "ca"))
    key.write_bytes(issued.private_key_pem.bytes())
    certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    authority.cert_pem.write_to_path(str(ca))
    return TlsFiles(certificate=str(certificate), key=str(key), client_ca=str(ca))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def test_certificates_of_clients_are_asked_for_or_demanded(
    authority: trustme.CA, tmp_path: Path
) -> None:
    asked = issue(authority, tmp_path)
    alone = TlsFiles(certificate=asked.certificate, key=asked.key)
    demanded = TlsFiles(
        certificate=asked.certificate,
        key=asked.key,
        client_ca=asked.client_ca,
        demands_certificate=True,
    )
    modes = [server_tls_context(files, HTTP_1).verify_mode for files in (alone, asked, demanded)]
    assert modes == [ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED]


def test_another_context_is_in_force_once_it_is_committed(
    authority: trustme.CA, tmp_path: Path
) -> None:
    files = issue(authority, tmp_path)
    tls = ServerTls(files, HTTP_1)
    first = tls()
    commit = tls.prepare(files)
    assert tls() is first
    commit()
    assert tls() is not first


def test_files_that_are_no_certificate_leave_the_old_ones_in_force(
    authority: trustme.CA, tmp_path: Path
) -> None:
    files = issue(authority, tmp_path)
    tls = ServerTls(files, HTTP_1)
    first = tls()
    Path(files.certificate).write_text("nothing")
    with pytest.raises(ssl.SSLError):
        tls.prepare(files)
    with pytest.raises(ssl.SSLError):
        ServerTls(files, HTTP_1)
    assert tls() is first


def test_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(
    authority: trustme.CA, tmp_path: Path
) -> None:
    files = issue(authority, tmp_path)
    key = serialization.load_pem_private_key(Path(files.key).read_bytes(), password=None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    Path(files.key).write_bytes(encrypted)
    with pytest.raises(ssl.SSLError):
        server_tls_context(files, HTTP_1)
