"""The service starts once, stops in order, and finds its tasks again."""

import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.client import RowferryError, UnreachableError
from rowferry.client.service_calls import ServiceCalls, open_calls
from rowferry.config import Config
from rowferry.data_directory import DataDirectoryInUseError, hold_data_directory
from rowferry.doors import Addresses
from rowferry.service import EXIT_CONFIGURATION, EXIT_OK, run, serve
from rowferry.telemetry.resources import resident_bytes
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.integration.service.stalled_writer import stall_writers
from tests.record_batches import encode_rows

if TYPE_CHECKING:
    from tests.integration.service.conftest import Configure, OpenCall, RunService

MakeMetadata = Callable[..., pb.ExportMetadata]
ConnectTo = Callable[[Addresses], AbstractAsyncContextManager[ServiceCalls]]


def _one_row(sequence: int) -> bytes:
    return encode_rows([(str(sequence), "a")], sequence)


# Stopping and starting again.


async def test_acknowledged_rows_outlive_the_service_and_the_stream_is_resumed(
    config: Config,
    run_service: "RunService",
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
    data_directory: Path,
) -> None:
    async with run_service(config) as addresses, open_call(addresses) as call:
        await call.send(metadata=make_metadata())
        task_id = (await call.created()).task_id
        await call.send_batch(_one_row(1))
        await call.send_batch(_one_row(2))
        await call.ack(2)
    assert (data_directory / "spool" / f"{task_id}.rows").exists()
    async with run_service(config) as addresses, open_call(addresses) as call:
        await call.send(resume=pb.Resume(task_id=task_id))
        created = await call.created()
        assert (created.next_sequence, created.rows_received) == (3, 2)
        await call.send_batch(_one_row(3))
        await call.send(finish=pb.Finish(expected_rows=3))
        result = await call.result()
    assert (result.task_id, result.status, result.record_count) == (task_id, pb.COMPLETED, 3)
    assert not (data_directory / "spool" / f"{task_id}.rows").exists()


async def test_stream_of_a_stopping_service_is_told_to_come_again(
    config: Config, open_call: "OpenCall", make_metadata: MakeMetadata
) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        addresses = await nursery.start(serve, config, stop)
        async with open_call(addresses) as call:
            await call.send(metadata=make_metadata())
            await call.created()
            stop.set()
            with pytest.raises(RowferryError) as caught:
                await call.result()
    assert caught.value.code == "SHUTTING_DOWN"


async def test_export_under_way_may_end_in_the_time_of_grace(
    configure: "Configure", open_call: "OpenCall", make_metadata: MakeMetadata
) -> None:
    config = configure(server={"shutdown_grace_seconds": 20})
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        addresses = await nursery.start(serve, config, stop)
        async with open_call(addresses) as call:
            await call.send(metadata=make_metadata())
            await call.created()
            await call.send_batch(_one_row(1))
            await call.ack(1)
            stop.set()
            await call.send_batch(_one_row(2))
            await call.end()
            result = await call.result()
    assert (result.status, result.record_count) == (pb.COMPLETED, 2)


async def test_links_work_behind_a_restart(
    config: Config,
    run_service: "RunService",
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
    download: Callable[[str], Awaitable[tuple[bytes, str]]],
) -> None:
    async with run_service(config) as addresses, open_call(addresses) as call:
        await call.send(metadata=make_metadata())
        await call.send_batch(_one_row(1))
        await call.end()
        first = await call.result()
    async with run_service(config) as addresses, open_call(addresses) as call:
        await call.send(resume=pb.Resume(task_id=first.task_id))
        again = await call.result()
        content, _ = await download(again.oss_url)
    assert content == b"id,name\r\n1,a\r\n"
    assert again.oss_url.rpartition("/")[2] == first.oss_url.rpartition("/")[2]


# One service a folder.


async def test_second_service_on_the_same_folder_is_refused(
    config: Config, run_service: "RunService"
) -> None:
    async with run_service(config):
        with pytest.raises(DataDirectoryInUseError):
            await serve(config, trio.Event())


def test_folder_in_use_is_an_exit_code_and_a_sentence(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold_data_directory(config):
        assert run(config) == EXIT_CONFIGURATION
    assert "another service works in" in capsys.readouterr().err


def test_port_in_use_is_an_exit_code_and_a_sentence(
    configure: "Configure", capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = configure(server={"port": taken.getsockname()[1]})
        assert run(config) == EXIT_CONFIGURATION
    assert "Address already in use" in capsys.readouterr().err


def test_secret_that_is_too_short_is_an_exit_code_and_a_sentence(
    configure: "Configure", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("short")
    secret.chmod(0o600)
    assert run(configure(security={"link_secret_file": str(secret)})) == EXIT_CONFIGURATION
    assert "security.link_secret_file" in capsys.readouterr().err


def test_database_of_another_release_is_an_exit_code_and_a_sentence(
    config: Config, data_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_directory / "rowferry.db").write_bytes(b"this is no database" * 100)
    assert run(config) == EXIT_CONFIGURATION
    assert "database" in capsys.readouterr().err


# Signals.


def _follow_log(path: Path, on_line: Callable[[str], None]) -> threading.Thread:
    """Make the log a pipe, and read it line by line."""
    os.mkfifo(path)

    def follow() -> None:
        with path.open() as log:
            for line in log:
                on_line(line)

    thread = threading.Thread(target=follow)
    thread.start()
    return thread


def test_first_signal_ends_the_service_in_order(configure: "Configure", tmp_path: Path) -> None:
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if '"ServiceReady"' in line:
            os.kill(os.getpid(), signal.SIGTERM)

    follower = _follow_log(tmp_path / "log", on_line)
    assert run(configure(logging={"output": str(tmp_path / "log")})) == EXIT_OK
    follower.join()
    assert '"ServiceStopping"' in "".join(lines)
    assert '"ServiceStopped"' in lines[-1]


def test_second_signal_ends_it_at_once(
    configure: "Configure", tmp_path: Path, make_metadata: MakeMetadata
) -> None:
    config = configure(
        server={"shutdown_grace_seconds": 3600}, logging={"output": str(tmp_path / "log")}
    )
    clients: list[threading.Thread] = []

    async def hold_on(port: int) -> None:
        """Keep an export open until the service ends it."""
        async with open_calls("127.0.0.1", port) as client:

            async def no_more() -> AsyncIterator[bytes]:  # noqa: ASYNC900  ended with its test
                yield _one_row(1)
                await trio.sleep_forever()

            with pytest.raises((RowferryError, UnreachableError)):
                await export_batches(
                    client,
                    make_metadata(),
                    no_more(),
                    on_ack=lambda _: os.kill(os.getpid(), signal.SIGTERM),
                )

    def on_line(line: str) -> None:
        if '"ServiceReady"' in line:
            port = int(line.partition('"grpc":"127.0.0.1:')[2].partition('"')[0])
            clients.append(threading.Thread(target=trio.run, args=(hold_on, port)))
            clients[0].start()
        elif '"ServiceStopping"' in line:
            os.kill(os.getpid(), signal.SIGTERM)

    follower = _follow_log(tmp_path / "log", on_line)
    assert run(config) == EXIT_OK
    follower.join()
    clients[0].join()


# Memory.


async def test_stalled_writer_pauses_the_door_and_memory_stays_flat(
    configure: "Configure",
    run_service: "RunService",
    connect_to: ConnectTo,
    make_metadata: MakeMetadata,
    data_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stall = stall_writers(monkeypatch)
    batch = encode_rows([("1", "x" * 1000)] * 250, 0)  # 250 KB, numbered by the service
    sent = 0

    async def batches() -> AsyncIterator[bytes]:  # noqa: ASYNC900  read to its end
        nonlocal sent
        for sent in range(1, 401):  # noqa: B007  100 MB in all
            yield batch
            await stall.wait_until_reached()

    config = configure(spool={"max_lag_bytes": 1 << 20})
    async with run_service(config) as addresses, connect_to(addresses) as client:
        before_bytes = resident_bytes()
        results: list[pb.ExportResult] = []

        async def export() -> None:
            results.append(await export_batches(client, make_metadata(), batches()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(export)
            await stall.wait_until_reached()
            await wait_all_tasks_blocked(cushion=0.5)  # or a slow disk; of 400 either way
            assert sent < 40
            (log_file,) = (data_directory / "spool").glob("*.rows")
            assert log_file.stat().st_size < 8 << 20
            stall.proceed.set()
        assert results[0].record_count == 100_000
        assert resident_bytes() - before_bytes < 32 << 20
