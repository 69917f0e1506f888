"""TLS of all ports: one certificate, and for each port what it asks of its clients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rowferry.config_security import Security
from rowferry.config_sources import ConfigError, Problem
from rowferry.wire.tls import HTTP_1, HTTP_2, ServerTls, TlsFiles, TlsSource


class PortTls:
    """Each port's TLS; None = in the clear. Raises ConfigError for files that can't be used.

    gRPC and WebSocket demand a client's certificate in the handshake where one is required. The
    ports of HTTP ask for it only: behind them are links and probes that are open to all, and the
    doorkeeper judges the rest.
    """

    def __init__(self, security: Security) -> None:
        self._ports: dict[str, ServerTls] = {}
        self._demands = {"grpc": True, "websocket": True, "http": False, "metrics": False}
        if not security.tls_certificate:
            return
        with _told(security):
            for port, demands in self._demands.items():
                protocol = HTTP_2 if port == "grpc" else HTTP_1
                self._ports[port] = ServerTls(_files(security, demands=demands), protocol)

    def of(self, port: str) -> TlsSource | None:
        """Give the TLS of ``grpc``, ``http``, ``websocket`` or ``metrics``."""
        return self._ports.get(port)

    def prepare(self, security: Security) -> Callable[[], None]:
        """Read the files of other settings; give what puts them in force. Blocking.

        Raises ConfigError; nothing has changed then.
        """
        if bool(security.tls_certificate) != bool(self._ports):
            expected = "it as at the start: TLS is turned on and off by a restart"
            raise _refused(expected, security.tls_certificate or "none")
        with _told(security):
            commits = [
                tls.prepare(_files(security, demands=self._demands[port]))
                for port, tls in self._ports.items()
            ]

        def commit() -> None:
            for put_in_force in commits:
                put_in_force()

        return commit


def _files(security: Security, *, demands: bool) -> TlsFiles:
    return TlsFiles(
        certificate=security.tls_certificate,
        key=security.tls_key,
        client_ca=security.client_ca,
        demands_certificate=demands and security.requires_certificate,
    )


@contextmanager
def _told(security: Security) -> Iterator[None]:
    """Say of what OpenSSL does not like which files it was given."""
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        files = (security.tls_certificate, security.tls_key, security.client_ca)
        expected = f"a certificate, its key and authorities in {', '.join(filter(None, files))}"
        raise _refused(expected, error.strerror or str(error)) from error


def _refused(expected: str, got: str) -> ConfigError:
    problem = Problem(
        source="settings", key="security.tls_certificate", expected=expected, got=got
    )
    return ConfigError((problem,))
