"""A service behind TLS, with an authority made for the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.e2e.service_process import ServiceProcess, running_service


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsService:
    """A service, and whom its clients must trust."""

    service: ServiceProcess
    ca_path: Path

    @property
    def ca(self) -> bytes:
        """The authority's certificate, PEM."""
        return self.ca_path.read_bytes()


@contextmanager
def running_tls_service(folder: Path) -> Iterator[TlsService]:
    """Run a service over ``folder`` with a certificate for 127.0.0.1."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    ca_path, certificate_path, key_path = (
        folder / name for name in ("ca.pem", "certificate.pem", "key.pem")
    )
    authority.cert_pem.write_to_path(ca_path)
    issued.private_key_pem.write_to_path(key_path)
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    certificate_path.write_bytes(chain)
    settings = {"security.tls_certificate": certificate_path, "security.tls_key": key_path}
    with running_service(folder, settings) as service:
        yield TlsService(service=service, ca_path=ca_path)
