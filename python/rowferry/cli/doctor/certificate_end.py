"""When a certificate ends, asked of TLS itself."""

import ssl
from datetime import UTC, datetime


class CertificateUnusableError(Exception):
    """A certificate can't be shown: it is over or not valid yet; in OpenSSL's words."""


def certificate_end(certificate: str, key: str) -> datetime:
    """Tell when a server's certificate ends; raise CertificateUnusableError, OSError.

    Python reads the dates of verified certificates only. So a client that trusts this very one
    shakes hands with a server that shows it, both in memory.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(certificate)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        shown = _shaken_hands(server, client)
    except ssl.SSLCertVerificationError as error:
        raise CertificateUnusableError(error.verify_message) from error
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)


def _shaken_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, object]:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = server.wrap_bio(up, down, server_side=True)
    here = client.wrap_bio(down, up)
    while True:
        done = True
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                done = False
        if done:
            return dict(here.getpeercert() or {})
