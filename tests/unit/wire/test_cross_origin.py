"""Pages of the allowed origins may read answers, and no others."""

import pytest

from rowferry.wire.asgi import Message, Receive, Scope, Send, send_answer
from rowferry.wire.cross_origin import CrossOrigin

PAGE = "https://app.example"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send_answer(send, 200, b"rows", "text/plain")


async def headers_of(
    allowed: tuple[str, ...], origin: str = PAGE, method: str = "GET", *, preflight: bool = False
) -> tuple[int, dict[str, str]]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    headers = [(b"origin", origin.encode())]
    if preflight:
        headers.append((b"access-control-request-method", b"PUT"))
    scope = {"type": "http", "method": method, "path": "/", "headers": headers}
    await CrossOrigin(answer, allowed)(scope, receive, send)
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], fields


async def test_allowed_page_may_read_answers_and_their_fields() -> None:
    status, fields = await headers_of((PAGE,))
    assert (status, fields["access-control-allow-origin"], fields["vary"]) == (200, PAGE, "origin")
    assert "rowferry-next-sequence" in fields["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in fields


@pytest.mark.parametrize("origin", ["https://other.example", "http://app.example", "null", ""])
async def test_other_pages_may_not(origin: str) -> None:
    status, fields = await headers_of((PAGE,), origin)
    assert status == 200
    assert "access-control-allow-origin" not in fields
    assert fields["vary"] == "origin"


async def test_any_page_may_where_any_origin_is_allowed() -> None:
    _, fields = await headers_of(("*",), "https://other.example")
    assert fields["access-control-allow-origin"] == "*"


async def test_preflight_is_answered_with_what_may_be_sent() -> None:
    status, fields = await headers_of((PAGE,), method="OPTIONS", preflight=True)
    assert status == 204
    assert fields["access-control-allow-origin"] == PAGE
    assert "PUT" in fields["access-control-allow-methods"]
    assert "authorization" in fields["access-control-allow-headers"]


async def test_nothing_is_said_where_no_origin_is_allowed() -> None:
    _, fields = await headers_of(())
    assert not [name for name in fields if name.startswith("access-control")]
