"""Clients are known by their certificates, on every port, and certificates are renewed."""

import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio
import trio.testing
import trustme

from rowferry.access.token_file import create_token
from rowferry.client import UnreachableError
from rowferry.client.dialing import tls_context
from rowferry.client.service_calls import open_calls
from rowferry.config import Config
from rowferry.config_security import SecurityClient
from rowferry.doors import Addresses
from rowferry.reloading import AccessReload
from rowferry.service import serve
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.tls import TlsFiles
from tests.batch_export import export_batches
from tests.integration.service.access_matrix import (
    GRPC_CALLS,
    WEBSOCKET_CALLS,
    HttpCall,
    call_grpc,
    call_http,
    call_websocket,
)
from tests.record_batches import encode_rows, row_batches
from tests.unit.wire.test_tls import issue

if TYPE_CHECKING:
    from tests.integration.service.conftest import Configure, RunService

QUERY = "/rowferry.v1.ExportService/ListTasks"
LIST = HttpCall(method="GET", path="/v1/exports")
CLIENTS = (
    SecurityClient(name="shop", certificate_names=("shop.example", "shop-by-common-name")),
    SecurityClient(name="other", certificate_names=("other.example",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Whom both sides trust."""

    ca: trustme.CA
    files: TlsFiles

    def client(self, *names: str, common_name: str | None = None) -> ssl.SSLContext:
        """Give a client's context that shows a certificate, if it has any name."""
        context = tls_context(self.files.client_ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if names or common_name:
            self.ca.issue_cert(*names, common_name=common_name).configure_cert(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    ca = trustme.CA()
    return Authority(ca=ca, files=issue(ca, tmp_path, "127.0.0.1"))


@pytest.fixture
def token(data_directory: Path) -> str:
    return create_token(data_directory / "tokens.json", "shop", now=datetime.now(UTC)).text


@pytest.fixture
def settings(configure: "Configure", authority: Authority) -> Callable[[str], Config]:
    def make(client_certificates: str) -> Config:
        security = {
            "auth_enabled": True,
            "clients": CLIENTS,
            "tls_certificate": authority.files.certificate,
            "tls_key": authority.files.key,
            "client_ca": authority.files.client_ca,
            "client_certificates": client_certificates,
        }
        return configure(security=security)

    return make


async def grpc_code(addresses: Addresses, tls: ssl.SSLContext, token: str = "") -> str:
    request = GRPC_CALLS[QUERY]("")
    code, _ = await call_grpc(addresses.grpc, QUERY, request, token, tls)
    return code


async def test_optional_certificates_name_clients_and_tokens_do_too(
    settings: Callable[[str], Config],
    run_service: "RunService",
    authority: Authority,
    token: str,
) -> None:
    named, unnamed = authority.client("shop.example"), authority.client("who.example")
    by_common_name = authority.client(common_name="shop-by-common-name")
    without, other = authority.client(), authority.client("other.example")
    async with run_service(settings("optional")) as addresses:
        assert await grpc_code(addresses, named) == "OK"
        assert await grpc_code(addresses, by_common_name) == "OK"
        assert await grpc_code(addresses, without, token) == "OK"
        assert await grpc_code(addresses, unnamed, token) == "OK"
        assert await grpc_code(addresses, unnamed) == "UNAUTHENTICATED"
        assert await grpc_code(addresses, without) == "UNAUTHENTICATED"
        assert await grpc_code(addresses, other, token) == "FORBIDDEN"
        shown = {"named": named, "without": without, "other": other}
        answers = {
            name: (await call_http(addresses.http, LIST, "", "", tls))[0]
            for name, tls in shown.items()
        }
        assert answers == {"named": 200, "without": 401, "other": 200}


async def test_tasks_belong_to_the_client_of_the_certificate(
    settings: Callable[[str], Config], run_service: "RunService", authority: Authority
) -> None:
    metadata = pb.ExportMetadata(
        request_id="r", format=pb.CSV, filename="a", columns=[pb.ColumnDefinition(name="a")]
    )
    named, other = authority.client("shop.example"), authority.client("other.example")
    async with run_service(settings("required")) as addresses:
        host, _, port = addresses.grpc.rpartition(":")
        async with open_calls(host, int(port), tls=named) as client:
            result = await export_batches(client, metadata, row_batches([("1",)]))
        task = HttpCall(method="GET", path="/v1/exports/{task_id}")
        for tls, status in ((named, 200), (other, 404)):
            answer = await call_http(addresses.http, task, result.task_id, "", tls)
            assert answer[0] == status
        for call in WEBSOCKET_CALLS:
            address = getattr(addresses, call.port)
            assert await call_websocket(address, call, result.task_id, "", other) == "NOT_FOUND"
            answered = await call_websocket(address, call, result.task_id, "", named)
            assert answered in {"subscribed", "task_created"}
        link = HttpCall(
            method="GET", path=result.oss_url.removeprefix(f"https://{addresses.http}")
        )
        status, body = await call_http(addresses.http, link, "", "", authority.client())
        assert (status, body) == (200, b"a\r\n1\r\n")


async def test_required_certificates_are_required_of_tokens_too(
    settings: Callable[[str], Config],
    run_service: "RunService",
    authority: Authority,
    token: str,
) -> None:
    without, gateway = authority.client(), authority.client("gateway.example")
    async with run_service(settings("required")) as addresses:
        with pytest.raises(UnreachableError):
            await grpc_code(addresses, without, token)
        assert await grpc_code(addresses, gateway, token) == "OK"
        for by_message in (False, True):
            for call in WEBSOCKET_CALLS:
                answer = await call_websocket(
                    getattr(addresses, call.port), call, "0" * 32, token, gateway,
                    by_message=by_message,
                )  # fmt: skip
                assert answer == "NOT_FOUND"
        assert (await call_http(addresses.http, LIST, "", token, without))[0] == 401
        assert (await call_http(addresses.http, LIST, "", token, gateway))[0] == 200
        for path in ("/livez", "/metrics"):
            page = HttpCall(method="GET", path=path)
            assert (await call_http(addresses.metrics, page, "", "", without))[0] == 200


async def test_a_certificate_of_another_authority_gets_no_answer(
    settings: Callable[[str], Config], run_service: "RunService", authority: Authority
) -> None:
    forged = authority.client()
    trustme.CA().issue_cert("shop.example").configure_cert(forged)
    async with run_service(settings("optional")) as addresses:
        with pytest.raises(UnreachableError):
            await grpc_code(addresses, forged)
        assert await call_http(addresses.http, LIST, "", "", forged) == (0, b"")


class Reloading:
    """A service whose settings a test changes while it runs."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.reload = AccessReload(lambda: self.config)
        self.stop = trio.Event()

    def change(self, **security: object) -> None:
        changed = msgspec.structs.replace(self.config.security, **security)
        self.config = msgspec.structs.replace(self.config, security=changed)
        self.reload.ask()

    async def run(
        self, *, task_status: trio.TaskStatus[Addresses] = trio.TASK_STATUS_IGNORED
    ) -> None:
        await serve(self.config, self.stop, reload=self.reload, task_status=task_status)


async def shown_certificate(address: str, tls: ssl.SSLContext) -> bytes:
    """Shake hands; give the certificate that a port shows."""
    host, _, port = address.rpartition(":")
    stream = await trio.open_tcp_stream(host, int(port))
    secured = trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)
    async with secured:
        await secured.do_handshake()
        shown: bytes = secured.getpeercert(binary_form=True)
        return shown


async def until_another_is_shown(addresses: Addresses, tls: ssl.SSLContext, old: bytes) -> None:
    """Wait until every port shows another certificate."""
    ports = (addresses.grpc, addresses.http, addresses.websocket, addresses.metrics)
    with trio.fail_after(20):
        for address in ports:
            while True:
                if await shown_certificate(address, tls) != old:
                    break
                await trio.sleep(0.05)


async def test_certificates_and_clients_change_under_load_and_no_connection_breaks(
    settings: Callable[[str], Config], authority: Authority, tmp_path: Path, nursery: trio.Nursery
) -> None:
    service = Reloading(settings("optional"))
    addresses: Addresses = await nursery.start(service.run)
    shop, other = authority.client("shop.example"), authority.client("other.example")
    old = await shown_certificate(addresses.grpc, shop)
    rows = [(str(number),) for number in range(500)]

    async def batches() -> AsyncIterator[bytes]:  # noqa: ASYNC900  read to its end
        for sequence in range(1, 31):
            yield encode_rows(rows, sequence)
            if sequence == 10:
                assert await grpc_code(addresses, other) == "OK"
                issue(authority.ca, tmp_path, "127.0.0.1")  # into the same files
                service.change(clients=CLIENTS[:1])
                await until_another_is_shown(addresses, shop, old)
                assert await grpc_code(addresses, other) == "UNAUTHENTICATED"

    host, _, port = addresses.grpc.rpartition(":")
    metadata = pb.ExportMetadata(
        request_id="r", format=pb.CSV, filename="a", columns=[pb.ColumnDefinition(name="a")]
    )
    async with open_calls(host, int(port), tls=shop) as client:
        result = await export_batches(client, metadata, batches())
        assert (result.status, result.record_count) == (pb.COMPLETED, 30 * len(rows))
        assert (await client.status(result.task_id)).status == pb.COMPLETED
    service.stop.set()


async def test_a_broken_certificate_keeps_the_old_one_in_force(
    settings: Callable[[str], Config], authority: Authority, nursery: trio.Nursery
) -> None:
    service = Reloading(settings("optional"))
    addresses: Addresses = await nursery.start(service.run)
    shop, other = authority.client("shop.example"), authority.client("other.example")
    old = await shown_certificate(addresses.grpc, shop)
    good = service.config.security.tls_certificate
    service.change(tls_certificate=service.config.security.tls_key, clients=CLIENTS[:1])
    service.change(tls_certificate=good, tls_key=good)
    await trio.testing.wait_all_tasks_blocked(0.2)
    assert await shown_certificate(addresses.grpc, shop) == old
    assert await grpc_code(addresses, other) == "OK"
    log = Path(service.config.logging.output).read_text()  # noqa: ASYNC240  a small file
    assert "AccessReloadFailed" in log
    assert "AccessReloaded" not in log
    service.stop.set()
