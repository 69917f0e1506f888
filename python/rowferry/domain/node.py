"""Who works on a task, when several services share a database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A service with its data directory, and the process that runs it now.

    ``id`` is the directory's, for ever; ``process`` is another one after each start; ``address``
    is where clients of its tasks reach it, "" if nobody said.
    """

    id: str
    process: str
    address: str = ""

    @property
    def lease_owner(self) -> str:
        """What this process signs its leases with."""
        return f"{self.id}:{self.process}"

    def owned(self, lease_owner: str) -> bool:
        """Tell whether a lease is of this node, from whichever of its processes."""
        return lease_owner.startswith(f"{self.id}:")
