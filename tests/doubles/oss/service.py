"""The double as a whole: what it keeps, whom it knows, what goes wrong on order."""

from dataclasses import dataclass

from tests.doubles.oss.authentication import AccessKeys, authenticate
from tests.doubles.oss.claims import Signable
from tests.doubles.oss.clock import Clock
from tests.doubles.oss.faults import FaultPlan
from tests.doubles.oss.hosts import Hosts
from tests.doubles.oss.journal import Journal
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.oss_errors import access_denied
from tests.doubles.oss.store import Store

_PUBLIC_OPERATIONS = frozenset({Operation.GET, Operation.HEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class OssService:
    """What all connections share."""

    store: Store
    keys: AccessKeys
    hosts: Hosts
    faults: FaultPlan
    journal: Journal
    clock: Clock

    def admit(self, signable: Signable, operation: Operation) -> bool:
        """Check a request's signature; False if it has none and needs none.

        Raises OssError: a refusal.
        """
        if authenticate(signable, self.keys, self.clock.now(), self.store.region):
            return True
        if operation not in _PUBLIC_OPERATIONS:
            raise access_denied("You have no right to access this object because of bucket acl.")
        with self.store.bucket(signable.bucket) as bucket:
            if not bucket.public_read:
                message = "You have no right to access this object because of bucket acl."
                raise access_denied(message)
        return False

    def clear(self) -> None:
        """Forget what clients and tests did, but for buckets and keys."""
        self.faults.clear()
        self.store.clear()
        self.journal.clear()
        self.clock.offset_seconds = 0.0
