"""What tests order over the control port."""

from dataclasses import dataclass
from typing import Final, assert_never, get_args

from tests.doubles.oss.authentication import AccessKey
from tests.doubles.oss.faults import Fault
from tests.doubles.oss.listener import Listener
from tests.doubles.oss.service import OssService
from tests.doubles.oss.store import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearFaults:
    """Take all faults back; requests that hang are cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """Forget objects, uploads, lifecycles, requests and faults; set the clock right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveClock:
    """Set the double's clock so far from the system's."""

    offset_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GoDown:
    """Cut all connections and refuse new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComeBack:
    """Take connections again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBucket:
    """Make a bucket, or change it."""

    name: str
    public_read: bool = False
    gone: bool = False
    """Whether it answers as if it were not there; what is in it comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveKey:
    """Forget an access key."""

    access_key_id: str


Order = (
    Fault | ClearFaults | Clear | MoveClock | GoDown | ComeBack | SetBucket | AccessKey | RemoveKey
)
ORDERS: Final[dict[str, type[Order]]] = {order.__name__: order for order in get_args(Order)}


def carry_out(order: Order, service: OssService, listener: Listener) -> int:
    """Do what an order says; gives a fault's number, else 0."""
    match order:
        case Fault():
            return service.faults.add(order)
        case ClearFaults():
            service.faults.clear()
        case Clear():
            service.clear()
        case MoveClock():
            service.clock.offset_seconds = order.offset_seconds
        case GoDown():
            listener.close()
        case ComeBack():
            listener.open()
        case SetBucket():
            _set_bucket(order, service)
        case AccessKey():
            service.keys.put(order)
        case RemoveKey():
            service.keys.remove(order.access_key_id)
        case _:
            assert_never(order)
    return 0


def _set_bucket(order: SetBucket, service: OssService) -> None:
    with service.store.locked():
        new = Bucket(name=order.name, created_at=service.clock.now())
        bucket = service.store.buckets.setdefault(order.name, new)
        bucket.public_read, bucket.gone = order.public_read, order.gone
