"""The addresses of the HTTP port, and who may pass: raw ASGI in front of the API.

Applications that bound the bytes they read and send themselves stand here by method and path;
whatever is not theirs goes to the API. What methods an address takes is told here, over both.
Each request is admitted once, here, unless its address is open to all; WebSockets admit their
callers themselves, since a token may come with the first message.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, cast
from urllib.parse import parse_qsl

from rowferry.domain.access import CALLER, Caller, Credentials, Door, bearer_token
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.ports import Doorkeeper
from rowferry.wire.asgi import (
    AsgiApp,
    Receive,
    Scope,
    Send,
    encode_headers,
    header,
    method_not_allowed,
    no_such_address,
    refuse_websocket,
    send_error,
)

# RFC 6750 §2.3 has the first, others are what people try
_TOKEN_PARAMETERS: Final = frozenset(
    {"access_token", "token", "bearer", "api_key", "authorization"}
)
LINK_IDENTITY: Final = "link"  # whoever has a link may open it: nobody is asked
_CALLER_KEY: Final = "rowferry.caller"
# a target in absolute form, as sent through proxies (RFC 9112 §3.2.2)
_ABSOLUTE: Final = re.compile(r"\Ahttps?://[^/]*", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"\\\{(\w+)\\\}")  # as re.escape leaves it


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Requests that go to an application of their own.

    ``path`` may hold ``{name}`` for one segment, which the application finds in
    ``scope["path_params"]``, or end with ``*``. ``method`` "*" = any.
    """

    method: str
    path: str
    app: AsgiApp
    is_public: bool = False

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Give the path's parameters, None if the request is not this route's."""
        if self.method not in {method, "*"}:
            return None
        found = _pattern(self.path).fullmatch(path)
        return None if found is None else found.groupdict()

    def has(self, path: str) -> bool:
        """Tell whether a path is this route's, whatever the method."""
        return _pattern(self.path).fullmatch(path) is not None


class Routes:
    """An ASGI application made of applications."""

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        *,
        routes: tuple[Route, ...],
        websockets: Mapping[str, AsgiApp],
        fallback: AsgiApp,
        fallback_methods: Callable[[str], Collection[str]],
    ) -> None:
        self._doorkeeper = doorkeeper
        self._websockets = websockets
        self._fallback = fallback
        self._fallback_methods = fallback_methods
        self.routes: Final = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one WebSocket."""
        if "path" in scope:
            scope["path"] = _ABSOLUTE.sub("", scope["path"]) or "/"
        if scope["type"] == "http":
            await self._serve_request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        app, is_public = self._find(scope)
        if not is_public and scope["method"] == "OPTIONS":
            await self._tell_methods(scope["path"], send)
            return
        if not is_public:
            try:
                caller = self._doorkeeper.admit(Door.HTTP, credentials_of(scope))
                serve_connection(scope, caller)
            except RowferryError as refusal:
                await send_error(send, refusal)
                return
            scope[_CALLER_KEY] = caller
            CALLER.set(caller)
        else:
            CALLER.set(Caller(client="", address=_address_of(scope), identity=LINK_IDENTITY))
        if app is self._fallback and (other := self._other_methods(scope)):
            await send_error(send, method_not_allowed(other))
            return
        await app(scope, receive, send)

    async def _tell_methods(self, path: str, send: Send) -> None:
        """Answer OPTIONS (RFC 9110 §9.3.7): nobody is asked for a token to learn of methods."""
        methods = self._methods(path)
        if not methods:
            await send_error(send, no_such_address())
            return
        headers = encode_headers([("allow", methods)])
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _other_methods(self, scope: Scope) -> str:
        """List the methods of an address that does not take the request's; "" if there is none."""
        methods = self._methods(scope["path"])
        return "" if scope["method"] in methods.split(", ") else methods

    def _methods(self, path: str) -> str:
        own = {route.method for route in self.routes if route.has(path)}
        methods = own.union(self._fallback_methods(path))
        return ", ".join(sorted(methods | {"OPTIONS"})) if methods else ""

    def _find(self, scope: Scope) -> tuple[AsgiApp, bool]:
        for route in self.routes:
            parameters = route.match(scope["method"], scope["path"])
            if parameters is not None:
                scope["path_params"] = parameters
                return route.app, route.is_public
        return self._fallback, False

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._websockets.get(scope["path"])
        if app is None:
            await receive()  # websocket.connect
            await refuse_websocket(send, no_such_address())
            return
        await app(scope, receive, send)


def credentials_of(scope: Scope) -> Credentials:
    """Give what a request shows: its bearer token, its certificate, its address.

    Raises UNAUTHENTICATED for a token in the address: logs and histories keep addresses.
    """
    query = scope.get("query_string", b"")
    if query and names_token(query.decode("latin-1")):
        message = "A token does not belong into an address: send it as Authorization: Bearer."
        raise RowferryError(ErrorCode.UNAUTHENTICATED, message)
    return Credentials(
        token=bearer_token(header(scope, b"authorization")),
        certificate_names=scope.get("state", {}).get("certificate_names", ()),
        address=_address_of(scope),
    )


def _address_of(scope: Scope) -> str:
    peer = scope.get("client")
    return f"{peer[0]}:{peer[1]}" if peer else ""


def names_token(query: str) -> bool:
    """Tell whether an address carries a token, where it would be kept in logs."""
    names = (name.lower() for name, _ in parse_qsl(query, keep_blank_values=True))
    return not _TOKEN_PARAMETERS.isdisjoint(names)


def serve_connection(scope: Scope, caller: Caller) -> None:
    """Count the connection as its client's; raise RATE_LIMITED if that is one too many."""
    place = scope.get("state", {}).get("connection_place")
    if place is not None:
        place.serve(caller.client)


def caller_of(scope: Scope) -> Caller:
    """Give who a request was admitted as."""
    return cast("Caller", scope[_CALLER_KEY])


@cache
def _pattern(path: str) -> re.Pattern[str]:
    fixed = re.escape(path.removesuffix("*"))
    named = _PARAMETER.sub(r"(?P<\1>[^/]+)", fixed)
    return re.compile(named + (".*" if path.endswith("*") else ""))
