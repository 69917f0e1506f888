"""Nobody passes unasked, and nobody sees what is another client's: every call of every door."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import trio

from rowferry.access.token_file import create_token, revoke_token
from rowferry.access.token_text import make_token, token_digest, token_id
from rowferry.client.errors import UnauthenticatedError
from rowferry.client.service_calls import open_calls
from rowferry.config_security import SecurityClient
from rowferry.doors import Addresses
from rowferry.ingest import standing_admission
from rowferry.ports import Doorkeeper
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import AsgiApp
from rowferry.wire.asgi_routes import Route, Routes
from rowferry.wire.grpc_server import GrpcServer, GrpcService
from tests.batch_export import export_batches
from tests.integration.service.access_matrix import (
    GRPC_CALLS,
    GRPC_OF_NO_TASK,
    GRPC_OPEN_TO_ALL,
    HTTP_CALLS,
    WEBSOCKET_CALLS,
    HttpCall,
    WebSocketCall,
    call_grpc,
    call_http,
    call_websocket,
    error_code,
)
from tests.record_batches import encode_rows, row_batches

if TYPE_CHECKING:
    from quart_trio import QuartTrio

    from tests.integration.service.conftest import Configure, RunService

CLIENTS = (
    SecurityClient(name="owner", doors=("grpc", "http", "websocket", "metrics")),
    SecurityClient(name="other"),
)
# of WebSockets: a token may still come with the first message, if none came before
ANSWERS = {
    "owner": {"subscribed", "task_created"},
    "other": {"NOT_FOUND"},
    "nothing": {"UNAUTHENTICATED"},
}
KEPT_OUT_ANSWERS = {"rejected 401", "rejected 403", "UNAUTHENTICATED"}
KEPT_OUT = ["nothing", "malformed", "unknown", "revoked", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A service that asks who calls, a task of "owner", and tokens good and bad."""

    addresses: Addresses
    task_id: str
    link: str
    tokens: dict[str, str]


@pytest.fixture
def tokens(data_directory: Path) -> dict[str, str]:
    """Tokens by what is right or wrong with them."""
    file, now = data_directory / "tokens.json", datetime.now(UTC)
    owner, other = (create_token(file, name, now=now).text for name in ("owner", "other"))
    revoked = create_token(file, "owner", now=now)
    revoke_token(file, revoked.record.id, now=now)
    past = now - timedelta(days=1)
    return {
        "owner": owner,
        "other": other,
        "nothing": "",
        "malformed": owner[:-1],
        "unknown": make_token(),
        "revoked": revoked.text,
        "expired": create_token(file, "owner", now=past, expires_at=past).text,
    }


@pytest.fixture
async def guarded(
    configure: "Configure", run_service: "RunService", tokens: dict[str, str]
) -> AsyncIterator[Guarded]:
    config = configure(security={"auth_enabled": True, "clients": CLIENTS})
    async with run_service(config) as addresses:
        host, _, port = addresses.grpc.rpartition(":")
        metadata = pb.ExportMetadata(
            request_id="r", format=pb.CSV, filename="a", columns=[pb.ColumnDefinition(name="a")]
        )
        async with open_calls(host, int(port), token=tokens["owner"]) as client:
            result = await export_batches(client, metadata, row_batches([("1",)]))
        yield Guarded(
            addresses=addresses, task_id=result.task_id, link=result.oss_url, tokens=tokens
        )


class Recorded:
    """What the service's ports are made of."""

    def __init__(self) -> None:
        self.routes: set[str] = set()
        self.public: set[str] = set()
        self.websockets: set[str] = set()
        self.grpc: set[str] = set()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Note what the ports are made of when the service starts."""
    seen = Recorded()

    class NotedRoutes(Routes):
        def __init__(
            self,
            doorkeeper: Doorkeeper,
            *,
            routes: tuple[Route, ...],
            websockets: Mapping[str, AsgiApp],
            fallback: AsgiApp,
            fallback_methods: Callable[[str], Collection[str]],
        ) -> None:
            super().__init__(
                doorkeeper,
                routes=routes,
                websockets=websockets,
                fallback=fallback,
                fallback_methods=fallback_methods,
            )
            for route in routes:
                kind = seen.public if route.is_public else seen.routes
                kind.add(f"{route.method} {route.path}")
            seen.websockets |= set(websockets)
            for rule in cast("QuartTrio", fallback).url_map.iter_rules():
                path = rule.rule.replace("<", "{").replace(">", "}")
                methods = (rule.methods or set()) - {"OPTIONS", "HEAD"}
                seen.routes |= {f"{method} {path}" for method in methods}

    class NotedServer(GrpcServer):
        def __init__(self, services: Iterable[GrpcService], **options: object) -> None:
            super().__init__(services, **options)  # type: ignore[arg-type]
            seen.grpc = {path for service in services for path in service.__mapping__()}

    monkeypatch.setattr("rowferry.doors.Routes", NotedRoutes)
    monkeypatch.setattr("rowferry.doors.GrpcServer", NotedServer)
    return seen


async def test_every_call_there_is_is_tried(recorded: Recorded, guarded: Guarded) -> None:
    assert recorded.grpc - GRPC_OPEN_TO_ALL == set(GRPC_CALLS)
    tried = {call.name for call in HTTP_CALLS}
    assert recorded.routes == tried
    assert recorded.public == {"* /d/*", "GET /openapi.json", "HEAD /openapi.json"}
    assert recorded.websockets == {c.path for c in WEBSOCKET_CALLS if c.port == "http"}


@pytest.mark.parametrize("credential", KEPT_OUT)
async def test_no_grpc_call_is_open(guarded: Guarded, credential: str) -> None:
    token = guarded.tokens[credential]
    for path, request in GRPC_CALLS.items():
        answer = await call_grpc(guarded.addresses.grpc, path, request(guarded.task_id), token)
        assert answer == ("UNAUTHENTICATED", []), path


async def test_no_grpc_call_shows_another_clients_task(guarded: Guarded) -> None:
    for path, request in GRPC_CALLS.items():
        code, answers = await call_grpc(
            guarded.addresses.grpc, path, request(guarded.task_id), guarded.tokens["other"]
        )
        assert not any(guarded.task_id.encode() in answer for answer in answers), path
        if path not in GRPC_OF_NO_TASK:
            assert (code, answers) == ("NOT_FOUND", []), path


async def test_every_grpc_call_is_its_owners(guarded: Guarded) -> None:
    refused = {"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"}
    for path, request in GRPC_CALLS.items():
        code, _ = await call_grpc(
            guarded.addresses.grpc, path, request(guarded.task_id), guarded.tokens["owner"]
        )
        assert code not in refused, path


@pytest.mark.parametrize("credential", KEPT_OUT)
async def test_no_http_request_is_open(guarded: Guarded, credential: str) -> None:
    for call in HTTP_CALLS:
        status, body = await call_http(
            guarded.addresses.http, call, guarded.task_id, guarded.tokens[credential]
        )
        assert status == 401, call.name
        assert call.method == "HEAD" or error_code(body) == "UNAUTHENTICATED", call.name


async def test_no_http_request_shows_another_clients_task(guarded: Guarded) -> None:
    for call in HTTP_CALLS:
        status, body = await call_http(
            guarded.addresses.http, call, guarded.task_id, guarded.tokens["other"]
        )
        if call.is_of_task:
            assert status == 404, call.name
            assert call.method == "HEAD" or error_code(body) == "NOT_FOUND", call.name
        else:
            assert guarded.task_id.encode() not in body, call.name


async def test_every_http_request_is_its_owners(guarded: Guarded) -> None:
    for call in HTTP_CALLS:
        status, _ = await call_http(
            guarded.addresses.http, call, guarded.task_id, guarded.tokens["owner"]
        )
        assert status not in {401, 403, 404, 500}, call.name


async def test_a_token_in_an_address_opens_nothing(guarded: Guarded) -> None:
    call = HttpCall(method="GET", path="/v1/exports", query=f"token={guarded.tokens['owner']}")
    status, body = await call_http(guarded.addresses.http, call, "", "")
    assert (status, b"Authorization: Bearer" in body) == (401, True)


async def test_links_open_to_all(guarded: Guarded) -> None:
    path = guarded.link.removeprefix(f"http://{guarded.addresses.http}")
    call = HttpCall(method="GET", path=path)
    status, body = await call_http(guarded.addresses.http, call, "", "")
    assert (status, body) == (200, b"a\r\n1\r\n")


@pytest.mark.parametrize("by_message", [False, True])
@pytest.mark.parametrize("call", WEBSOCKET_CALLS, ids=lambda call: call.path)
async def test_websockets_are_the_owners(
    guarded: Guarded, call: WebSocketCall, *, by_message: bool
) -> None:
    address = getattr(guarded.addresses, call.port)
    for credential, token in guarded.tokens.items():
        answer = await call_websocket(address, call, guarded.task_id, token, by_message=by_message)
        assert answer in ANSWERS.get(credential, KEPT_OUT_ANSWERS), (credential, answer)


async def test_metrics_are_for_this_machine_and_their_client(guarded: Guarded) -> None:
    call = HttpCall(method="GET", path="/metrics")
    status, _ = await call_http(guarded.addresses.metrics, call, "", "")
    assert status == 200  # from this machine


async def test_a_token_is_good_and_good_no_more_while_the_service_runs(
    guarded: Guarded, data_directory: Path
) -> None:
    file, now = data_directory / "tokens.json", datetime.now(UTC)
    made = create_token(file, "owner", now=now)
    assert await _comes_to(guarded, made.text, 200)
    revoke_token(file, made.record.id, now=now)
    assert await _comes_to(guarded, made.text, 401)


async def _comes_to(guarded: Guarded, token: str, status: int) -> bool:
    call = HttpCall(method="GET", path="/v1/exports")
    with trio.move_on_after(20):
        while True:
            answered, _ = await call_http(guarded.addresses.http, call, "", token)
            if answered == status:
                return True
            await trio.sleep(0.1)
    return False


async def test_revoked_token_ends_a_stream_which_another_token_goes_on_with(
    guarded: Guarded, data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_admission, "RECHECK_SECONDS", 0.1)
    file, now, leaked = data_directory / "tokens.json", datetime.now(UTC), guarded.tokens["owner"]
    new = create_token(file, "owner", now=now).text
    host, _, port = guarded.addresses.grpc.rpartition(":")
    metadata = pb.ExportMetadata(
        request_id="goes on", format=pb.CSV, filename="a", columns=[pb.ColumnDefinition(name="a")]
    )
    async with (
        open_calls(host, int(port), token=leaked) as client,
        client.open_export(metadata) as call,
    ):
        assert await call.receive()
        await call.send_batch(encode_rows([("1",)], 1))
        acknowledged = await call.receive()
        assert acknowledged is not None
        assert acknowledged.ack.batch_sequence == 1
        revoke_token(file, token_id(token_digest(leaked)), now=now)
        with pytest.raises(UnauthenticatedError):
            await call.receive()
    async with open_calls(host, int(port), token=new) as client:
        batches = [encode_rows([("1",)], 1), encode_rows([("2",)], 2)]
        result = await export_batches(client, metadata, batches)
    assert (result.status, result.record_count) == (pb.COMPLETED, 2)
