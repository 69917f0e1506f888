"""Who may pass, and what they may do then."""

from typing import Protocol

from rowferry.domain.access import Caller, ClientRules, Credentials, Door


class Doorkeeper(Protocol):
    """Lets callers in. Plain calls in the event loop: they answer from memory."""

    def admit(self, door: Door, credentials: Credentials) -> Caller:
        """Tell who calls, once a request; on a WebSocket once a connection.

        Raises UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED.
        """

    def recognise(self, door: Door, credentials: Credentials) -> Caller:
        """Tell who calls, counted and reported nowhere; raise UNAUTHENTICATED, FORBIDDEN.

        For calls that go on and are looked at again, and for those whose token is still to come.
        """


class ClientRulesSource(Protocol):
    """Knows what clients may do."""

    def rules(self, client: str) -> ClientRules:
        """Give a client's rules as they are now; those of an unknown client allow the usual."""

    def is_enabled(self, client: str) -> bool:
        """Tell whether links to a client's files open."""
