"""A link, opened by a client that shares no code with the service."""

# ruff: noqa: ANN401  tests can't import the types of conftest.py

import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from rowferry.domain.events import (
    FileDownloaded,
    StorageAlert,
    SystemError,  # noqa: A004  the event
)
from rowferry.domain.task import TaskState

BODY = bytes(range(256)) * 4 * 1024 + b"the end"
SIZE = len(BODY)


def error_of(body: bytes) -> dict[str, Any]:
    error = msgspec.json.decode(body)["error"]
    assert set(error) == {"code", "message", "context"}
    return dict(error)


async def test_link_gives_the_file_with_its_name_and_nothing_to_sniff(port: Any) -> None:
    reply = await port.ask(port.path())
    assert reply.status == 200
    assert reply.body == BODY
    expected = {
        "content-length": str(SIZE),
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": 'attachment; filename="2026.csv"; '
        "filename*=UTF-8''%E6%8A%A5%E8%A1%A8%202026.csv",
        "etag": f'"{port.tasks.tasks["default", TASK_ID].sha256}"',
        "accept-ranges": "bytes",
        "cache-control": "private",
        "x-content-type-options": "nosniff",
    }
    assert {name: reply.headers.get(name) for name in expected} == expected


TASK_ID = "0190a0b0c0d07000800000000000000f"


@pytest.mark.parametrize(
    ("field", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=262140-262150", 262_140, 262_150),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=-7", SIZE - 7, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        (f"bytes=5-{SIZE * 2}", 5, SIZE - 1),
    ],
)
async def test_range_gives_its_bytes(port: Any, field: str, first: int, last: int) -> None:
    reply = await port.ask(port.path(), {"Range": field})
    assert reply.status == 206
    assert reply.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert reply.headers["content-length"] == str(last - first + 1)
    assert reply.body == BODY[first : last + 1]


@pytest.mark.parametrize("field", [f"bytes={SIZE}-", "bytes=-0", f"bytes={10**30}-"])
async def test_range_beyond_the_end_is_416_with_the_size(port: Any, field: str) -> None:
    reply = await port.ask(port.path(), {"Range": field})
    assert reply.status == 416
    assert reply.headers["content-range"] == f"bytes */{SIZE}"
    assert error_of(reply.body)["context"] == {"size_bytes": str(SIZE)}


async def test_several_ranges_give_the_whole_file(port: Any) -> None:
    reply = await port.ask(port.path(), {"Range": "bytes=0-1,5-6"})
    assert (reply.status, reply.body) == (200, BODY)


async def test_head_tells_the_size_and_ignores_ranges(port: Any) -> None:
    reply = await port.ask(port.path(), {"Range": "bytes=0-9"}, method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == str(SIZE)
    assert port.observer.events == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"If-None-Match": '"{tag}"'}, 304),
        ({"If-None-Match": 'W/"{tag}"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Match": '"{tag}"'}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": 'W/"{tag}"'}, 412),
        ({"If-Match": '"{tag}"', "If-None-Match": '"{tag}"'}, 304),
        ({"Range": "bytes=0-1", "If-Range": '"{tag}"'}, 206),
        ({"Range": "bytes=0-1", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=0-1", "If-Range": 'W/"{tag}"'}, 200),
        ({"Range": "bytes=0-1", "If-Range": "Fri, 01 May 2026 12:00:00 GMT"}, 200),
        ({"Range": "bytes=0-1", "If-None-Match": '"{tag}"'}, 304),
    ],
)
async def test_conditions_decide_as_the_rfc_says(
    port: Any, fields: Mapping[str, str], status: int
) -> None:
    tag = port.tasks.tasks["default", TASK_ID].sha256
    given = {name: value.replace("{tag}", tag) for name, value in fields.items()}
    reply = await port.ask(port.path(), given)
    assert reply.status == status
    if status == 304:
        assert reply.body == b""
        assert reply.headers["etag"] == f'"{tag}"'


async def test_full_download_is_told_with_its_bytes(port: Any) -> None:
    await port.ask(port.path())
    await port.observer.told.wait()
    assert port.observer.events == [
        FileDownloaded(
            task_id=TASK_ID,
            request_id="r-1",
            client="default",
            sent_bytes=SIZE,
            redirected=False,
        )
    ]


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "../../etc/passwd", "%00", "x" * 5000])
async def test_link_that_nobody_made_is_not_found(port: Any, token: str) -> None:
    reply = await port.ask(f"/d/{token}")
    assert reply.status == 404
    assert error_of(reply.body)["code"] == "NOT_FOUND"


async def test_expired_link_is_gone(port: Any) -> None:
    port.now += timedelta(days=7)
    reply = await port.ask(port.path())
    assert reply.status == 410
    error = error_of(reply.body)
    assert error["code"] == "NOT_FOUND"
    assert error["context"]["expired_at"] == "2026-05-08T12:00:00+00:00"


async def test_link_to_a_file_that_is_not_kept_any_more_is_gone(port: Any) -> None:
    path = port.path()
    task = port.tasks.tasks["default", TASK_ID]
    port.tasks.put(replace(task, state=TaskState.EXPIRED))
    assert (await port.ask(path)).status == 410


@pytest.mark.parametrize("change", [{"state": TaskState.CANCELLED}, {"attempt": 2}])
async def test_link_of_another_attempt_or_state_is_not_found(
    port: Any, change: Mapping[str, Any]
) -> None:
    path = port.path()
    port.tasks.put(replace(port.tasks.tasks["default", TASK_ID], **change))
    assert (await port.ask(path)).status == 404


async def test_link_of_another_clients_task_is_not_found(port: Any) -> None:
    path = port.path(replace(port.tasks.tasks["default", TASK_ID], client="other"))
    assert (await port.ask(path)).status == 404


async def test_link_whose_object_is_missing_is_not_found(port: Any) -> None:
    port.storage.delete(f"{TASK_ID}/1.csv")
    reply = await port.ask(port.path())
    assert (reply.status, error_of(reply.body)["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_link_can_only_be_read(port: Any, method: str) -> None:
    reply = await port.ask(port.path(), method=method)
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD"
    assert error_of(reply.body)["code"] == "INVALID_METADATA"


async def test_failure_is_internal_without_details_and_reported(port: Any) -> None:
    port.tasks.broken = True
    reply = await port.ask(port.path())
    assert reply.status == 500
    assert error_of(reply.body)["code"] == "INTERNAL"
    assert b"secret detail" not in reply.body
    assert [type(event) for event in port.observer.events] == [SystemError]


async def test_file_cut_short_on_disk_never_looks_complete(port: Any, tmp_path: Path) -> None:
    with (tmp_path / "objects" / TASK_ID / "1.csv").open("r+b") as stream:
        stream.truncate(300_000)
    async with await trio.open_tcp_stream(port.host, port.port) as stream:
        await stream.send_all(f"GET {port.path()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b"".join([block async for block in stream])
    header, _, body = answer.partition(b"\r\n\r\n")
    assert f"content-length: {SIZE}".encode() in header
    assert len(body) == 300_000
    assert {type(event) for event in port.observer.events} == {StorageAlert, FileDownloaded}


async def test_connection_serves_several_downloads(port: Any) -> None:
    request = f"GET {port.path()} HTTP/1.1\r\nHost: x\r\nRange: bytes=-7\r\n\r\n".encode()
    async with await trio.open_tcp_stream(port.host, port.port) as stream:
        for _ in range(3):
            await stream.send_all(request)
            answer = b""
            while not answer.endswith(b"the end"):
                block = await stream.receive_some()
                assert block
                answer += block
    port.shutdown.set()
    await port.served.wait()
    assert [event.sent_bytes for event in port.observer.events] == [7, 7, 7]


async def test_client_that_goes_away_ends_its_download(port: Any) -> None:
    body = grow_file(port)
    stream = await trio.open_tcp_stream(port.host, port.port)
    await stream.send_all(f"GET {port.path()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await stream.receive_some(1000)
    await stream.aclose()
    with trio.fail_after(20):
        await port.observer.told.wait()
    (event,) = port.observer.events
    assert isinstance(event, FileDownloaded)
    assert event.sent_bytes < body


async def test_stalled_clients_hold_no_thread(port: Any) -> None:
    """More clients that read nothing than there are threads: another one is served at once."""
    grow_file(port)
    stalled = []
    for _ in range(6):
        stream = await trio.open_tcp_stream(port.host, port.port)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await stream.send_all(f"GET {port.path()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await stream.receive_some(100)
        stalled.append(stream)
    with trio.fail_after(20):
        reply = await port.ask(port.path(), {"Range": "bytes=0-255"})
    assert reply.body == bytes(range(256))
    for stream in stalled:
        await stream.aclose()


async def test_stalled_client_does_not_keep_the_service_from_stopping(port: Any) -> None:
    grow_file(port)
    stream = await trio.open_tcp_stream(port.host, port.port)
    await stream.send_all(f"GET {port.path()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await stream.receive_some(100)
    port.shutdown.set()
    with trio.fail_after(20):
        await port.served.wait()
    await stream.aclose()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_curl_resumes_a_download_and_saves_it_under_its_name(
    port: Any, tmp_path: Path
) -> None:
    (tmp_path / "2026.csv").write_bytes(BODY[:1_000_000])
    url = f"http://{port.host}:{port.port}{port.path()}"
    resume = ["curl", "-sS", "--fail", "-C", "-", "-o", "2026.csv", url]
    await trio.run_process(resume, cwd=tmp_path)
    assert (tmp_path / "2026.csv").read_bytes() == BODY
    (tmp_path / "2026.csv").unlink()
    named = ["curl", "-sS", "--fail", "-O", "-J", url]
    await trio.run_process(named, cwd=tmp_path, stdout=subprocess.DEVNULL)
    assert (tmp_path / "2026.csv").read_bytes() == BODY


def grow_file(port: Any) -> int:
    """Make the object far larger than what sockets buffer; give its size."""
    size = 64 << 20
    source = Path(port.storage._directory).parent / "large"  # noqa: SLF001
    with source.open("wb") as stream:
        stream.write(bytes(range(256)))
        stream.truncate(size)
    stored = port.storage.head(f"{TASK_ID}/1.csv")
    port.storage.put(str(source), replace(stored, size_bytes=size))
    return size
