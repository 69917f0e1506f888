"""Without authentication everybody is one client, who may do what the service can."""

from rowferry.domain.access import Caller, ClientRules, Credentials, Door
from rowferry.domain.task import DEFAULT_CLIENT


class Everybody:
    """A doorkeeper who asks nobody for anything."""

    def admit(self, door: Door, credentials: Credentials) -> Caller:  # noqa: ARG002  the port's signature
        """Let the caller in."""
        return Caller(client=DEFAULT_CLIENT, address=credentials.address)

    def recognise(self, door: Door, credentials: Credentials) -> Caller:
        """Let the caller stay."""
        return self.admit(door, credentials)

    def rules(self, client: str) -> ClientRules:  # noqa: ARG002  the port's signature
        """Give the rules of everybody."""
        return ClientRules()

    def is_enabled(self, client: str) -> bool:  # noqa: ARG002  the port's signature
        """Nobody is kept out."""
        return True
