"""Whether an opening handshake is accepted (RFC 6455 §4.2), without any I/O."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from rowferry.domain.errors import ErrorCode
from rowferry.wire.asgi import HttpStatusError
from rowferry.wire.asgi_routes import names_token

TOKEN_SUBPROTOCOL: Final = "rowferry.token."  # noqa: S105  what stands before one


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeRules:
    """What a server insists on.

    ``paths``: served paths, empty = all; a query is ignored, unless it holds a token.
    ``subprotocol``: the one that is spoken, "" = none. ``allowed_origins``: of pages that may
    connect besides those of the same host, as ``https://shop.example``; "*" = all.
    """

    paths: Collection[str] = ()
    subprotocol: str = ""
    allowed_origins: Collection[str] = ()


def check_handshake(
    rules: HandshakeRules, *, path: str, origin: str, host: str, subprotocols: Sequence[str]
) -> None:
    """Raise what the handshake is answered with instead, unless the rules let the client in.

    ``origin`` and ``host`` are the header fields, "" if they are missing. Programs send no Origin
    and pass: the check is for pages that a user's browser has open (RFC 6455 §10.2).
    """
    place, _, query = path.partition("?")
    if names_token(query):
        message = "A token does not belong into an address."
        raise HttpStatusError(401, ErrorCode.UNAUTHENTICATED, message)
    if rules.paths and place not in rules.paths:
        raise HttpStatusError(404, ErrorCode.NOT_FOUND, "There is nothing at this path.")
    if origin and not _origin_is_allowed(rules, origin, host):
        raise HttpStatusError(403, ErrorCode.FORBIDDEN, "Pages of this origin may not connect.")
    if rules.subprotocol and rules.subprotocol not in subprotocols:
        message = f"The subprotocol {rules.subprotocol} is required."
        raise HttpStatusError(400, ErrorCode.INVALID_METADATA, message)


def _origin_is_allowed(rules: HandshakeRules, origin: str, host: str) -> bool:
    allowed = rules.allowed_origins
    return "*" in allowed or origin in allowed or _is_same_host(origin, host)


def _is_same_host(origin: str, host: str) -> bool:
    """Compare an origin with a Host field by their hosts: the ports are those of other doors."""
    try:
        page, here = urlsplit(origin).hostname, urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return bool(page) and page == here
