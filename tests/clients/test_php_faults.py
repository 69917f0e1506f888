"""The service and the network fail under the PHP client; the file is the same."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.php import PhpProgram, Told, address_of, run_program, running_program
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.cut_network import CutNetwork

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

TRANSPORTS: Final = ("curl", "http")
ROWS: Final = 100_000
PAUSE_AT: Final = 60_000
ARGUMENTS: Final = (f"--rows={ROWS}", f"--pause-at={PAUSE_AT}")
MIB: Final = 2**20
PEAK_BYTES: Final = 16 * MIB
CUT_AFTER_BYTES: Final = 3 * MIB
CUTS: Final = 3
STILL: Final = 3


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    with running_service(tmp_path) as running:
        yield running


def _same_ports(service: ServiceProcess) -> dict[str, object]:
    return {
        "server.port": service.grpc.rpartition(":")[2],
        "server.status_port": service.http.rpartition(":")[2],
    }


def _assert_as_undisturbed(done: Told, service: ServiceProcess, transport: str) -> None:
    [undisturbed] = run_program(
        "export",
        f"--rows={ROWS}",
        address=address_of(service, transport),
        transport=transport,
    )
    assert (done["state"], done["rows"]) == ("COMPLETED", ROWS)
    assert done["sha256"] == undisturbed["sha256"]
    assert (done["reconnects"] > 0, undisturbed["reconnects"]) == (True, 0)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "drained"])
def test_a_service_that_is_started_again_gets_the_rows_it_lacks(
    tmp_path: Path, transport: str, end: signal.Signals
) -> None:
    with running_service(tmp_path) as first:
        address = address_of(first, transport)
        with running_program(
            "export", *ARGUMENTS, address=address, transport=transport
        ) as program:
            program.wait_for("paused")
            first.process.send_signal(end)
            program.go_on()
            first.process.wait()
            with running_service(tmp_path, _same_ports(first)) as second:
                _assert_as_undisturbed(program.wait_for("done"), second, transport)


def test_cut_connections_lose_and_double_nothing(service: ServiceProcess, transport: str) -> None:
    with CutNetwork.before(address_of(service, transport)) as network:
        network.reset_after(CUT_AFTER_BYTES)
        with running_program(
            "export", f"--rows={ROWS}", address=network.address, transport=transport
        ) as program:
            for _ in range(CUTS - 1):
                program.wait_for("logged")
                network.reset_after(CUT_AFTER_BYTES)
            done = program.wait_for("done")
    assert done["reconnects"] >= CUTS
    _assert_as_undisturbed(done, service, transport)


def _rows_sent_when_still(program: PhpProgram) -> int:
    """Wait until the program reports the same again and again: it waits for the service."""
    seen = [program.wait_for("progress")["rows_sent"] for _ in range(STILL)]
    while len(set(seen[-STILL:])) > 1:
        seen.append(program.wait_for("progress")["rows_sent"])
    return int(seen[-1])


def test_a_service_that_stands_still_stops_the_generator(
    service: ServiceProcess, transport: str
) -> None:
    with running_program(
        "export",
        *ARGUMENTS,
        "--tell-progress=1",
        address=address_of(service, transport),
        transport=transport,
    ) as program:
        program.wait_for("paused")
        service.process.send_signal(signal.SIGSTOP)
        try:
            program.go_on()
            assert _rows_sent_when_still(program) < ROWS
        finally:
            service.process.send_signal(signal.SIGCONT)
        done = program.wait_for("done")
    assert done["rows"] == ROWS
    assert done["reconnects"] == 0
    assert done["peak_bytes"] <= PEAK_BYTES


def test_a_service_that_does_not_come_back_is_unreachable(tmp_path: Path, transport: str) -> None:
    with running_service(tmp_path) as service:
        address = address_of(service, transport)
    told = run_program(
        "export",
        "--rows=1",
        address=address,
        transport=transport,
        environment={"ROWFERRY_RETRY_FOR": "0.5"},
    )
    assert told[-1]["class"] == "UnreachableException"
    assert told[-1]["code"] == "UNREACHABLE"
    assert told[-1]["request_id"]


def test_the_same_request_again_goes_on_with_the_rows_it_lacks(
    service: ServiceProcess, transport: str
) -> None:
    address = address_of(service, transport)
    request = "--request-id=orders-of-today"
    with running_program(
        "export", *ARGUMENTS, request, address=address, transport=transport
    ) as program:
        program.wait_for("paused")
    # The process was killed: what it had sent is kept.
    [done] = run_program("export", f"--rows={ROWS}", request, address=address, transport=transport)
    [again] = run_program(
        "export", f"--rows={ROWS}", request, address=address, transport=transport
    )
    assert (done["rows"], done["request_id"]) == (ROWS, "orders-of-today")
    assert {key: done[key] for key in ("task_id", "sha256")} == {
        key: again[key] for key in ("task_id", "sha256")
    }
    [undisturbed] = run_program("export", f"--rows={ROWS}", address=address, transport=transport)
    assert done["sha256"] == undisturbed["sha256"]


def test_a_callback_that_returns_false_cancels_the_export(
    service: ServiceProcess, transport: str
) -> None:
    told = run_program(
        "export",
        f"--rows={20 * ROWS}",
        f"--cancel-at={PAUSE_AT}",
        address=address_of(service, transport),
        transport=transport,
    )
    assert (told[-1]["class"], told[-1]["code"]) == ("CancelledException", "CANCELLED")
    service.log.wait_for("TaskCancelled", told[-1]["task_id"])
