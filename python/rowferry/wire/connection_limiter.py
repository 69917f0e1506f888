"""How many connections a port serves at once: in all, from one network, and for one client."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import Final

import trio

from rowferry.domain.errors import rate_limited
from rowferry.wire.lean_structlog import structlog

log = structlog.get_logger(__name__)

IPV6_SITE_BITS: Final = 64  # what one subscriber gets, RFC 6177: its addresses are one peer
REPORT_EVERY_SECONDS: Final = 1.0
RETRY_AFTER_SECONDS: Final = 1


class ConnectionPlace:
    """One connection's place; the clients that come through it are known later than it is."""

    __slots__ = ("_clients", "_served", "address")

    def __init__(self, address: str, clients: "ClientConnections") -> None:
        self.address: Final = address
        self._clients = clients
        self._served: set[str] = set()

    def serve(self, client: str) -> None:
        """Count the connection as a client's until it closes; a second time does nothing.

        Raises RATE_LIMITED when the client has as many others as it may.
        """
        if client not in self._served:
            self._clients.count(client)
            self._served.add(client)

    def release(self) -> None:
        """Give the place back."""
        for client in self._served:
            self._clients.discount(client)
        self._served.clear()


class ClientConnections:
    """Counts the connections that clients have open, on all ports that share it.

    ``most_of`` gives how many a client may have; 0 = any number.
    """

    def __init__(self, most_of: Callable[[str], int] = lambda _: 0) -> None:
        self._most_of = most_of
        self._open: Counter[str] = Counter()

    def count(self, client: str) -> None:
        """Count one more; raise RATE_LIMITED if that is one too many."""
        most = self._most_of(client)
        if most and self._open[client] >= most:
            message = "The client has as many connections open as it may have."
            raise rate_limited(message, RETRY_AFTER_SECONDS)
        self._open[client] += 1

    def discount(self, client: str) -> None:
        """Count one less."""
        _discount(self._open, client)


class ConnectionLimiter:
    """Counts the open connections of one port.

    ``max_per_address`` is the most that one IPv4 address or one IPv6 /64 may have; 0 = as many as
    there may be in all.
    """

    def __init__(
        self,
        port_name: str,
        *,
        max_connections: int,
        max_per_address: int = 0,
        clients: ClientConnections | None = None,
    ) -> None:
        self._port_name = port_name
        self._clients = clients or ClientConnections()
        self._max_connections = max_connections
        self._max_per_address = max_per_address or max_connections
        self._open = 0
        self._by_address: Counter[str] = Counter()
        self._refused = 0
        self._reported_at = -float("inf")

    @contextmanager
    def place(self, stream: trio.SocketStream) -> Iterator[ConnectionPlace | None]:
        """Hold a place for a connection; None when there is none: then close it at once."""
        address = peer_address(stream)
        network = _network_of(address)
        if reason := self._refusal(network):
            self._report(reason, address)
            yield None
            return
        place = ConnectionPlace(address, self._clients)
        self._open += 1
        self._by_address[network] += 1
        try:
            yield place
        finally:
            place.release()
            self._open -= 1
            _discount(self._by_address, network)

    @property
    def open_connections(self) -> int:
        """Connections that have a place."""
        return self._open

    def _refusal(self, network: str) -> str:
        if self._open >= self._max_connections:
            return "max_connections"
        if self._by_address[network] >= self._max_per_address:
            return "max_connections_per_address"
        return ""

    def _report(self, reason: str, address: str) -> None:
        """Log a refusal, at most one a second: refusing must stay cheap."""
        self._refused += 1
        now = trio.current_time()
        if now - self._reported_at < REPORT_EVERY_SECONDS:
            return
        log.warning(
            "ConnectionRefused",
            port=self._port_name,
            reason=reason,
            address=address,
            open_connections=self._open,
            refused=self._refused,
        )
        self._reported_at, self._refused = now, 0


def peer_address(stream: trio.SocketStream) -> str:
    """Give the address at the other end of a connection; "" once it is gone."""
    try:
        return str(stream.socket.getpeername()[0])
    except (OSError, IndexError):
        return ""


def _network_of(address: str) -> str:
    """Give what counts as one peer: an IPv4 address, mapped into IPv6 or not, or an IPv6 /64."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> (128 - IPV6_SITE_BITS):x}::/64"


def _discount(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
