"""Callers who are kept out: what they are told, and what the log and the metrics hear."""

from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from rowferry.access.client_list import ip_of
from rowferry.domain.access import Credentials, Door
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import AccessRefused, CallerKeptOut
from rowferry.ports import Observer

QUIET_SECONDS: Final = 60.0
MAX_ADDRESSES: Final = 4096
UNAUTHENTICATED_TEXT: Final = "A valid token or client certificate is needed."


class Reason(StrEnum):
    """Why somebody does not get in, by its name in the log."""

    NOTHING_SHOWN = "nothing_shown"
    TOKEN_DAMAGED = "token_damaged"  # noqa: S105  a reason
    TOKEN_UNKNOWN = "token_unknown"  # noqa: S105
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    NO_CERTIFICATE = "no_certificate"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    CERTIFICATE_OF_ANOTHER = "certificate_of_another"
    CLIENT_UNKNOWN = "client_unknown"
    CLIENT_DISABLED = "client_disabled"
    DOOR = "door"
    NETWORK = "network"


_FORBIDDEN_TEXTS: Final = {
    Reason.CERTIFICATE_OF_ANOTHER: "The token and the certificate are of different clients.",
    Reason.CLIENT_UNKNOWN: "The client may not enter.",
    Reason.CLIENT_DISABLED: "The client may not enter.",
    Reason.DOOR: "The client may not enter by this door.",
    Reason.NETWORK: "The client may not call from this address.",
}


class KeptOutError(Exception):
    """A caller does not get in; ``client`` and ``identity`` are "" until they are known."""

    def __init__(self, reason: Reason, *, client: str = "", identity: str = "") -> None:
        super().__init__(reason)
        self.reason: Final = reason
        self.client: Final = client
        self.identity: Final = identity

    def public(self) -> RowferryError:
        """Give what the caller is told: whoever proved nothing learns nothing."""
        text = _FORBIDDEN_TEXTS.get(self.reason)
        if text is None:
            return RowferryError(ErrorCode.UNAUTHENTICATED, UNAUTHENTICATED_TEXT)
        return RowferryError(ErrorCode.FORBIDDEN, text, {"client": self.client})


class Refusals:
    """Tells observers: metrics of each refusal, the log of one a minute an address."""

    def __init__(self, observer: Observer, clock: Callable[[], float]) -> None:
        self._observer = observer
        self._clock = clock
        self._told: OrderedDict[str, tuple[float, int]] = OrderedDict()  # when, how many since

    def report(self, door: Door, shown: Credentials, kept_out: KeptOutError) -> None:
        """Tell of one refusal."""
        address = str(ip_of(shown.address) or shown.address)
        self._observer.observe(
            CallerKeptOut(
                door=door,
                reason=kept_out.reason,
                address=address,
                client=kept_out.client,
                identity=kept_out.identity,
            )
        )
        now = self._clock()
        told_at, untold = self._told.pop(address, (-QUIET_SECONDS, 0))
        if now - told_at < QUIET_SECONDS:
            self._told[address] = (told_at, untold + 1)
            return
        self._told[address] = (now, 0)
        if len(self._told) > MAX_ADDRESSES:
            self._told.popitem(last=False)
        self._observer.observe(
            AccessRefused(
                door=door,
                reason=kept_out.reason,
                address=address,
                client=kept_out.client,
                identity=kept_out.identity,
                not_logged=untold,
            )
        )
