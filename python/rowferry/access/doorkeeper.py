"""Who may pass when callers have to say who they are."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from rowferry.access.client_list import ClientList, KnownClient
from rowferry.access.refusals import KeptOutError, Reason, Refusals
from rowferry.access.token_file import TokenRecord
from rowferry.access.token_text import is_damaged, token_digest, token_id
from rowferry.domain.access import Caller, ClientRules, Credentials, Door
from rowferry.domain.task import DEFAULT_CLIENT

_ENDED: Final = {"expired": Reason.TOKEN_EXPIRED, "revoked": Reason.TOKEN_REVOKED}


class ClientDoorkeeper:
    """Lets configured clients in, known by a token or by their certificate.

    Clients and tokens are replaced whole: a call is judged by those of before or those of after.
    """

    def __init__(
        self,
        clients: ClientList,
        tokens: Iterable[TokenRecord],
        *,
        refusals: Refusals,
        now: Callable[[], datetime],
    ) -> None:
        self._clients = clients
        self._tokens = _by_digest(tokens)
        self._refusals = refusals
        self._now = now

    def replace_clients(self, clients: ClientList) -> None:
        """Judge by other clients from now on."""
        self._clients = clients

    def replace_tokens(self, tokens: Iterable[TokenRecord]) -> None:
        """Judge by other tokens from now on."""
        self._tokens = _by_digest(tokens)

    def admit(self, door: Door, credentials: Credentials) -> Caller:
        """Tell who calls; raise UNAUTHENTICATED or FORBIDDEN."""
        try:
            return self._recognised(door, credentials)
        except KeptOutError as kept_out:
            self._refusals.report(door, credentials, kept_out)
            raise kept_out.public() from None

    def recognise(self, door: Door, credentials: Credentials) -> Caller:
        """Do the same and report nothing."""
        try:
            return self._recognised(door, credentials)
        except KeptOutError as kept_out:
            raise kept_out.public() from None

    def _recognised(self, door: Door, credentials: Credentials) -> Caller:
        client, identity = self._identified(credentials)
        self._check(client, identity, door, credentials.address)
        return Caller(client=client, address=credentials.address, identity=identity)

    def rules(self, client: str) -> ClientRules:
        """Give a client's rules; one that was taken out of the settings has the usual ones."""
        known = self._clients.by_name.get(client)
        return ClientRules() if known is None else known.rules

    def is_enabled(self, client: str) -> bool:
        """Tell whether a client's links open.

        Everybody's, of the time before callers had to say who they are, go on unless a client of
        that name is disabled.
        """
        known = self._clients.by_name.get(client)
        return client == DEFAULT_CLIENT if known is None else known.enabled

    def _identified(self, shown: Credentials) -> tuple[str, str]:
        """Give the client's name and how it is known; raise what proves nothing."""
        if self._clients.requires_certificate and not shown.certificate_names:
            raise KeptOutError(Reason.NO_CERTIFICATE)
        certified = self._clients.of_certificate(shown.certificate_names)
        if shown.token:
            client, identity = self._token_owner(shown.token)
            if certified is not None and certified[0] != client:
                raise KeptOutError(Reason.CERTIFICATE_OF_ANOTHER, client=client, identity=identity)
            return client, identity
        if certified is not None:
            return certified[0], f"certificate:{certified[1]}"
        is_shown = bool(shown.certificate_names)
        raise KeptOutError(Reason.CERTIFICATE_UNKNOWN if is_shown else Reason.NOTHING_SHOWN)

    def _token_owner(self, token: str) -> tuple[str, str]:
        if is_damaged(token):
            raise KeptOutError(Reason.TOKEN_DAMAGED)
        digest = token_digest(token)
        identity = f"token:{token_id(digest)}"
        record = self._tokens.get(digest)
        if record is not None and hmac.compare_digest(record.sha256, digest):
            ended = _ENDED.get(record.state(self._now()))
            if ended is not None:
                raise KeptOutError(ended, client=record.client, identity=identity)
            return record.client, identity
        client = self._clients.by_digest.get(digest)
        if client is None:
            raise KeptOutError(Reason.TOKEN_UNKNOWN)
        return client, identity

    def _check(self, name: str, identity: str, door: Door, address: str) -> None:
        reason = _objection(self._clients.by_name.get(name), door, address)
        if reason is not None:
            raise KeptOutError(reason, client=name, identity=identity)


def _objection(client: KnownClient | None, door: Door, address: str) -> Reason | None:
    if client is None:
        return Reason.CLIENT_UNKNOWN
    if not client.enabled:
        return Reason.CLIENT_DISABLED
    if door not in client.doors:
        return Reason.DOOR
    return None if client.may_call_from(address) else Reason.NETWORK


def _by_digest(tokens: Iterable[TokenRecord]) -> Mapping[str, TokenRecord]:
    return {record.sha256: record for record in tokens}
