"""The calls that bring no rows, and the doors over TLS."""

import sqlite3
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from rowferry.client.channel import open_channel
from rowferry.client.dialing import tls_context
from rowferry.client.errors import RowferryError as RefusedError
from rowferry.client.service_calls import ServiceCalls, open_calls
from rowferry.data_directory import migrate
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.doors import Addresses
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.record_batches import row_batches

if TYPE_CHECKING:
    from tests.integration.service.conftest import Configure, RunService

MakeMetadata = Callable[..., pb.ExportMetadata]
ROWS = [("1", "a"), ("2", "b")]
HTTP2_WINDOW_BYTES = 65_535  # RFC 9113 §6.9.2


async def test_list_finds_what_is_asked_for(
    client: ServiceCalls, make_metadata: MakeMetadata
) -> None:
    for number in range(3):
        metadata = make_metadata(f"r{number}", filename=f"Bericht {number}", owner="ada")
        await export_batches(client, metadata, row_batches(ROWS))
    await export_batches(client, make_metadata("other", format=pb.EXCEL), row_batches(ROWS))
    request = pb.ListTasksRequest(
        states=[pb.COMPLETED], formats=[pb.CSV], owner="ada", filename_contains="bericht"
    )
    page = await client.list(request)
    assert [task.filename for task in page.tasks] == ["Bericht 2", "Bericht 1", "Bericht 0"]
    assert all(task.oss_url for task in page.tasks)
    request.page_size = 2
    first = await client.list(request)
    request.page_token = first.next_page_token
    rest = await client.list(request)
    assert [len(first.tasks), len(rest.tasks), rest.next_page_token] == [2, 1, ""]


async def test_list_refuses_a_state_nobody_knows(client: ServiceCalls) -> None:
    request = pb.ListTasksRequest()
    request.states.append(99)  # type: ignore[arg-type]  # as a newer client would
    with pytest.raises(RefusedError) as caught:
        await client.list(request)
    assert (caught.value.code, caught.value.context["field"]) == ("INVALID_METADATA", "states")


async def test_watch_ends_behind_the_final_state(
    client: ServiceCalls, make_metadata: MakeMetadata
) -> None:
    result = await export_batches(client, make_metadata(), row_batches(ROWS))
    async with client.watch(result.task_id) as states:
        seen = [(state.status, state.oss_url) async for state in states]
    assert seen == [(pb.COMPLETED, result.oss_url)]


async def test_completed_task_can_not_be_cancelled(
    client: ServiceCalls, make_metadata: MakeMetadata
) -> None:
    result = await export_batches(client, make_metadata(), row_batches(ROWS))
    with pytest.raises(RefusedError) as caught:
        await client.cancel(result.task_id)
    assert caught.value.code == "INVALID_STATE"
    assert (await client.status(result.task_id)).status == pb.COMPLETED


async def test_call_that_nothing_serves_says_so(addresses: Addresses) -> None:
    host, _, port = addresses.grpc.rpartition(":")
    async with open_channel(host, int(port)) as channel:
        with pytest.raises(RefusedError) as caught:
            await channel.unary("/rowferry.v1.ExportService/GuessRows", b"")
    assert caught.value.code == "UNIMPLEMENTED"


async def test_doors_with_a_certificate_speak_tls(
    configure: "Configure",
    run_service: "RunService",
    make_metadata: MakeMetadata,
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    context: ssl.SSLContext = tls_context()
    authority.configure_trust(context)
    security = {"tls_certificate": str(certificate), "tls_key": str(key)}
    async with run_service(configure(security=security)) as addresses:
        host, _, port = addresses.grpc.rpartition(":")
        async with open_calls(host, int(port), tls=context) as client:
            result = await export_batches(client, make_metadata(), row_batches(ROWS))
    assert result.status == pb.COMPLETED
    assert result.oss_url.startswith(f"https://{addresses.http}/d/")


async def test_links_point_to_the_public_address_if_there_is_one(
    configure: "Configure", run_service: "RunService", make_metadata: MakeMetadata
) -> None:
    config = configure(server={"public_url": "https://files.example/exports/"})
    async with run_service(config) as addresses:
        host, _, port = addresses.grpc.rpartition(":")
        async with open_calls(host, int(port)) as client:
            result = await export_batches(client, make_metadata(), row_batches(ROWS))
    assert result.oss_url.startswith("https://files.example/exports/d/")


async def test_migration_that_fails_is_told_in_a_sentence(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "rowferry.db") as database:
        database.execute("CREATE TABLE task (somebody_elses INTEGER)")
    database.close()
    with pytest.raises(RowferryError) as caught:
        await migrate(f"sqlite:///{tmp_path / 'rowferry.db'}")
    assert caught.value.code is ErrorCode.INTERNAL
    assert "rowferry migrate" in caught.value.message


async def test_connection_serves_more_answers_than_its_window_holds(
    client: ServiceCalls, make_metadata: MakeMetadata
) -> None:
    task_id = (await export_batches(client, make_metadata(), row_batches(ROWS))).task_id
    answered_bytes = 0
    while answered_bytes < 2 * HTTP2_WINDOW_BYTES:
        answered_bytes += (await client.status(task_id)).ByteSize()
