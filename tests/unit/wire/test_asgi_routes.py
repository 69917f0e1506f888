"""Requests go where they belong, and nobody passes unasked."""

import json

import pytest

from rowferry.domain.access import CALLER, Caller, Credentials, Door
from rowferry.domain.errors import ErrorCode, RowferryError, rate_limited
from rowferry.wire.asgi import Message, Receive, Scope, Send, send_answer
from rowferry.wire.asgi_routes import Route, Routes, caller_of

SHOP = Caller(client="shop", address="192.0.2.1:7", identity="token:1")


class Keeper:
    """Admits whoever shows the right token."""

    def __init__(self, refusal: RowferryError | None = None) -> None:
        self.asked: list[tuple[Door, Credentials]] = []
        self._refusal = refusal

    def recognise(self, door: Door, credentials: Credentials) -> Caller:
        return self.admit(door, credentials)

    def admit(self, door: Door, credentials: Credentials) -> Caller:
        self.asked.append((door, credentials))
        if self._refusal is not None:
            raise self._refusal
        return SHOP


class Named:
    """An application that notes what it was given."""

    def __init__(self) -> None:
        self.served: list[Scope] = []
        self.callers: list[Caller | None] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.served.append(scope)
        self.callers.append(CALLER.get())
        if scope["type"] == "http":
            await send_answer(send, 200, b"", "text/plain")


class Port:
    """Two routes, a WebSocket and what is left."""

    def __init__(self, refusal: RowferryError | None = None) -> None:
        self.keeper = Keeper(refusal)
        self.rows, self.links, self.rest, self.progress = Named(), Named(), Named(), Named()
        self._routes = Routes(
            self.keeper,
            routes=(
                Route(method="PUT", path="/v1/exports/{task_id}/rows", app=self.rows),
                Route(method="*", path="/d/*", app=self.links, is_public=True),
            ),
            websockets={"/v1/progress": self.progress},
            fallback=self.rest,
            fallback_methods=lambda path: {"GET", "DELETE"} if path == "/v1/exports/7" else (),
        )

    async def ask(self, path: str, *, method: str = "GET", **more: object) -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        scope = {"type": "http", "method": method, "path": path, "headers": []} | more
        await self._routes(scope, receive, send)
        return sent


async def test_route_gets_its_path_parameters_and_the_caller() -> None:
    port = Port()
    await port.ask("/v1/exports/17/rows", method="PUT")
    (scope,) = port.rows.served
    assert scope["path_params"] == {"task_id": "17"}
    assert caller_of(scope) == SHOP
    assert port.rows.callers == [SHOP]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/exports/7"),
        ("PUT", "/v1/exports/17/rows/"),
        ("PUT", "/v1/exports/1/7/rows"),
        ("PUT", "/v1/exports//rows"),
        ("PUT", "/v1/exportsx17/rows"),
    ],
)
async def test_other_requests_go_to_the_rest(method: str, path: str) -> None:
    port = Port()
    await port.ask(path, method=method)
    assert (len(port.rows.served), len(port.rest.served)) == (0, 1)
    assert caller_of(port.rest.served[0]) == SHOP


async def test_doorkeeper_sees_token_certificate_and_address() -> None:
    port = Port()
    await port.ask(
        "/v1/exports",
        headers=[(b"authorization", b"Bearer  abc ")],
        client=("192.0.2.1", 7),
        state={"certificate_names": ("shop.example",)},
    )
    expected = Credentials(
        token="abc",  # noqa: S106  a test's
        certificate_names=("shop.example",),
        address="192.0.2.1:7",
    )
    assert port.keeper.asked == [(Door.HTTP, expected)]
    assert "abc" not in repr(expected)


@pytest.mark.parametrize("authorization", [b"", b"Basic abc", b"bearer", b"Bearerabc"])
async def test_other_authorizations_are_no_token(authorization: bytes) -> None:
    port = Port()
    await port.ask("/v1/exports", headers=[(b"authorization", authorization)])
    assert port.keeper.asked[0][1].token == ""


@pytest.mark.parametrize(
    ("refusal", "status", "field"),
    [
        (
            RowferryError(ErrorCode.UNAUTHENTICATED, "No."),
            401,
            (b"www-authenticate", b"Bearer"),
        ),
        (rate_limited("Later.", 2.5), 429, (b"retry-after", b"3")),
    ],
)
async def test_who_is_kept_out_is_told_what_to_do(
    refusal: RowferryError, status: int, field: tuple[bytes, bytes]
) -> None:
    port = Port(refusal)
    start, _ = await port.ask("/v1/exports/17/rows", method="PUT")
    assert start["status"] == status
    assert field in start["headers"]
    assert port.rows.served == []


async def test_links_are_open_to_all() -> None:
    port = Port(RowferryError(ErrorCode.UNAUTHENTICATED, "No."))
    await port.ask("/d/abc/def", method="HEAD")
    assert (len(port.links.served), port.keeper.asked) == (1, [])


async def test_websocket_goes_to_its_application_unasked() -> None:
    port = Port()
    await port.ask("/v1/progress", type="websocket")
    assert (len(port.progress.served), port.keeper.asked) == (1, [])


async def test_websocket_elsewhere_is_refused() -> None:
    start, body = await Port().ask("/v1/other", type="websocket")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert json.loads(body["body"])["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("query", [b"token=abc", b"a=b&Access_Token=", b"api_key=x"])
async def test_a_token_in_the_address_is_refused_with_a_hint(query: bytes) -> None:
    port = Port()
    start, body = await port.ask("/v1/exports", query_string=query)
    assert start["status"] == 401
    assert b"Authorization: Bearer" in body["body"]
    assert port.keeper.asked == []


async def test_a_token_beside_a_link_changes_nothing() -> None:
    port = Port()
    await port.ask("/d/abc", query_string=b"token=abc")
    assert len(port.links.served) == 1


async def test_other_parameters_of_an_address_are_the_applications() -> None:
    port = Port()
    await port.ask("/v1/exports", query_string=b"page_token=abc&owner=token")
    assert len(port.rest.served) == 1


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/v1/exports/17/rows", b"OPTIONS, PUT"), ("/v1/exports/7", b"DELETE, GET, OPTIONS")],
)
async def test_address_tells_its_methods_to_everybody(path: str, methods: bytes) -> None:
    port = Port(RowferryError(ErrorCode.UNAUTHENTICATED, "No."))
    start, _ = await port.ask(path, method="OPTIONS")
    assert (start["status"], start["headers"]) == (204, [(b"allow", methods)])
    assert port.keeper.asked == []


async def test_unknown_address_has_no_methods() -> None:
    start, _ = await Port().ask("/v1/other", method="OPTIONS")
    assert start["status"] == 404


@pytest.mark.parametrize("path", ["/v1/exports/17/rows", "/v1/exports/7"])
async def test_other_methods_are_refused_with_those_there_are(path: str) -> None:
    port = Port()
    start, _ = await port.ask(path, method="PATCH")
    assert start["status"] == 405
    assert dict(start["headers"])[b"allow"].endswith((b"OPTIONS, PUT", b"GET, OPTIONS"))
    assert port.rest.served == []


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://files.example/v1/exports/17/rows", "/v1/exports/17/rows"),
        ("HTTPS://files.example:9091", "/"),
        ("/http://files.example/v1", "/http://files.example/v1"),
    ],
)
async def test_whole_address_is_read_as_its_path(target: str, path: str) -> None:
    port = Port()
    await port.ask(target, method="PUT")
    (scope,) = [*port.rows.served, *port.rest.served]
    assert scope["path"] == path
