from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.telemetry.health import OperatorsPort, Phase, Readiness, disk_check, in_thread
from rowferry.wire.asgi import Message


async def fine() -> None:
    await trio.lowlevel.checkpoint()


async def away() -> None:
    await trio.lowlevel.checkpoint()
    raise RowferryError(ErrorCode.STORAGE_UNAVAILABLE, "The storage is away.")


async def defect() -> None:
    await trio.lowlevel.checkpoint()
    raise ValueError("with a password in it")


def operators_port(**checks: Callable[[], Awaitable[None]]) -> tuple[OperatorsPort, Readiness]:
    readiness = Readiness()
    port = OperatorsPort(
        readiness=readiness, checks=checks, exposition=lambda: b"rowferry_active_tasks 0\n"
    )
    return port, readiness


async def ask(
    port: OperatorsPort, path: str, method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        await trio.sleep_forever()
        return {}

    async def send(message: Message) -> None:
        await trio.lowlevel.checkpoint()
        sent.append(message)

    await port({"type": "http", "path": path, "method": method, "headers": []}, receive, send)
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert headers["content-length"] == str(len(body["body"]))
    return start["status"], headers, body["body"]


async def health_of(port: OperatorsPort) -> tuple[int, dict[str, Any]]:
    status, _, body = await ask(port, "/healthz")
    return status, msgspec.json.decode(body)


async def test_service_is_alive_in_every_phase() -> None:
    port, readiness = operators_port()
    for phase in Phase:
        readiness.phase = phase
        assert (await ask(port, "/livez"))[0] == 200


@pytest.mark.parametrize(
    ("phase", "status"), [(Phase.STARTING, 503), (Phase.READY, 200), (Phase.STOPPING, 503)]
)
async def test_service_is_ready_between_start_and_stop(phase: Phase, status: int) -> None:
    port, readiness = operators_port()
    assert readiness.phase is Phase.STARTING
    readiness.phase = phase
    answered, _, body = await ask(port, "/readyz")
    assert (answered, msgspec.json.decode(body)) == (status, {"status": phase})


async def test_health_names_every_dependency() -> None:
    port, _ = operators_port(task_store=fine, storage=fine)
    status, document = await health_of(port)
    assert (status, document["status"], document["phase"]) == (200, "ok", "starting")
    assert list(document["dependencies"]) == ["task_store", "storage"]
    assert {found["status"] for found in document["dependencies"].values()} == {"ok"}


async def test_failing_dependency_is_told_and_the_others_too() -> None:
    port, _ = operators_port(task_store=fine, storage=away, disk=defect)
    status, document = await health_of(port)
    found = document["dependencies"]
    assert (status, document["status"]) == (503, "failing")
    assert found["task_store"]["status"] == "ok"
    assert found["storage"]["code"] == "STORAGE_UNAVAILABLE"
    assert found["storage"]["message"] == "The storage is away."
    assert found["disk"]["message"] == "ValueError"


async def test_hanging_dependency_fails_after_its_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    port, _ = operators_port(storage=trio.sleep_forever, task_store=fine)
    status, document = await health_of(port)
    assert status == 503
    assert document["dependencies"]["storage"]["status"] == "failing"
    assert document["dependencies"]["task_store"]["status"] == "ok"
    assert autojump_clock.current_time() < 10


async def test_metrics_are_prometheus_text() -> None:
    port, _ = operators_port()
    status, headers, body = await ask(port, "/metrics")
    assert (status, body) == (200, b"rowferry_active_tasks 0\n")
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["cache-control"] == "no-store"


async def test_unknown_page_and_wrong_method_are_json_errors() -> None:
    port, _ = operators_port()
    status, _, body = await ask(port, "/nope")
    assert (status, msgspec.json.decode(body)["error"]["code"]) == (404, "NOT_FOUND")
    status, headers, _ = await ask(port, "/livez", "POST")
    assert (status, headers["allow"]) == (405, "GET, HEAD")


async def test_blocking_check_runs_in_its_own_threads() -> None:
    threads = trio.CapacityLimiter(1)
    borrowed: list[float] = []
    await in_thread(lambda: borrowed.append(threads.borrowed_tokens), threads)()
    assert borrowed == [1]


async def test_disk_without_room_fails_its_check() -> None:
    disk_check("/", 0)()
    with pytest.raises(RowferryError) as refusal:
        disk_check("/", 10**18)()
    assert refusal.value.code is ErrorCode.DISK_FULL
    with pytest.raises(RowferryError):
        disk_check("/not/there", 0)()
