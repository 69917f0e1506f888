"""The service and the network fail under the PHP client; the file is the same."""

import csv
import functools
import hashlib
import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bench.dataset import rows
from tests.clients.half_closing_network import HalfClosingNetwork
from tests.clients.php import run_program, running_program
from tests.clients.php_transport import TRANSPORTS, PhpTransport
from tests.clients.program import Program, Told
from tests.e2e.exported_files import HEADER
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.cut_network import CutNetwork

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

ROWS: Final = 50_000
PAUSE_AT: Final = 30_000
ARGUMENTS: Final = (f"--rows={ROWS}", f"--pause-at={PAUSE_AT}")
ROWS_OF_A_LONG_EXPORT: Final = 150_000
MIB: Final = 2**20
PEAK_BYTES: Final = 16 * MIB
CUT_AFTER_BYTES: Final = MIB
CUTS: Final = 3
STILL: Final = 3
SETTINGS: Final[dict[str, object]] = {"server.shutdown_grace_seconds": 2}
# ext-grpc blocks PHP while a batch is under way, and is the same beside ext-protobuf.
OF_ONE_LIBRARY_EACH: Final = ("curl", "ext-grpc", "http")
THAT_WAIT_IN_PHP: Final = ("curl", "http")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("php"), SETTINGS) as running:
        yield running


@pytest.fixture(params=OF_ONE_LIBRARY_EACH)
def transport(request: pytest.FixtureRequest) -> PhpTransport:
    return TRANSPORTS[request.param]


@functools.cache
def _expected_sha256() -> str:
    """Give the SHA-256 of the data set as Python's csv writes it: RFC 4180, as the service."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *rows(ROWS)])
    return hashlib.sha256(text.getvalue().encode()).hexdigest()


def _assert_as_undisturbed(done: Told) -> None:
    assert (done["state"], done["rows"], done["rows_kept"]) == ("COMPLETED", ROWS, ROWS)
    assert done["sha256"] == _expected_sha256()


def _same_ports(service: ServiceProcess) -> dict[str, object]:
    return {
        "server.port": service.grpc.rpartition(":")[2],
        "server.status_port": service.http.rpartition(":")[2],
    }


@pytest.mark.parametrize(
    ("transport", "end"),
    [(name, signal.SIGKILL) for name in OF_ONE_LIBRARY_EACH] + [("curl", signal.SIGTERM)],
    indirect=["transport"],
)
def test_a_service_that_is_started_again_gets_the_rows_it_lacks(
    tmp_path: Path, transport: PhpTransport, end: signal.Signals
) -> None:
    with running_service(tmp_path, SETTINGS) as first:
        address = transport.address(first)
        with running_program(
            "export", *ARGUMENTS, address=address, transport=transport
        ) as program:
            program.wait_for("paused")
            first.process.send_signal(end)
            # Only then: within the grace of a SIGTERM the rows that are left would get through.
            first.process.wait()
            program.go_on()
            with running_service(tmp_path, SETTINGS | _same_ports(first)):
                done = program.wait_for("done")
    assert done["reconnects"] > 0
    _assert_as_undisturbed(done)


def test_a_service_that_dies_behind_the_last_row_makes_the_file_later(
    tmp_path: Path, transport: PhpTransport
) -> None:
    with running_service(tmp_path, SETTINGS) as first:
        address = transport.address(first)
        with running_program(
            "export", f"--rows={ROWS}", "--format=xlsx", address=address, transport=transport
        ) as program:
            # The rows have ended then, and the file is on its way into the storage.
            first.log.wait_for("FileFinalized")
            first.kill()
            with running_service(tmp_path, SETTINGS | _same_ports(first)):
                done = program.wait_for("done")
    assert (done["state"], done["rows"]) == ("COMPLETED", ROWS)


def test_cut_connections_lose_and_double_nothing(
    service: ServiceProcess, transport: PhpTransport
) -> None:
    with CutNetwork.before(transport.address(service)) as network:
        network.reset_after(CUT_AFTER_BYTES, times=CUTS)
        with running_program(
            "export", f"--rows={ROWS}", address=network.address, transport=transport
        ) as program:
            done = program.wait_for("done")
        assert network.cuts_to_come == 0
    assert done["reconnects"] >= CUTS
    _assert_as_undisturbed(done)


def _rows_sent_when_still(program: Program) -> int:
    """Wait until the program reports the same again and again: it waits for the service."""
    seen = [program.wait_for("progress")["rows_sent"] for _ in range(STILL)]
    while len(set(seen[-STILL:])) > 1:
        seen.append(program.wait_for("progress")["rows_sent"])
    return int(seen[-1])


@pytest.mark.parametrize("transport", THAT_WAIT_IN_PHP, indirect=True)
def test_a_service_that_stands_still_stops_the_generator(
    tmp_path: Path, transport: PhpTransport
) -> None:
    with (
        running_service(tmp_path) as service,
        running_program(
            "export",
            f"--rows={ROWS_OF_A_LONG_EXPORT}",
            f"--pause-at={PAUSE_AT}",
            "--tell-progress=1",
            address=transport.address(service),
            transport=transport,
        ) as program,
    ):
        program.wait_for("paused")
        service.process.send_signal(signal.SIGSTOP)
        try:
            program.go_on()
            assert _rows_sent_when_still(program) < ROWS_OF_A_LONG_EXPORT
        finally:
            service.process.send_signal(signal.SIGCONT)
        done = program.wait_for("done")
    assert done["rows"] == ROWS_OF_A_LONG_EXPORT
    assert done["reconnects"] == 0
    assert done["peak_bytes"] <= PEAK_BYTES


def test_a_service_that_does_not_come_back_is_unreachable(transport: PhpTransport) -> None:
    told = run_program(
        "export",
        "--rows=1",
        address="127.0.0.1:1",  # tcpmux: nothing listens there
        transport=transport,
        environment={"ROWFERRY_RETRY_FOR": "0.5"},
    )
    assert (told[-1]["class"], told[-1]["code"]) == ("UnreachableException", "UNREACHABLE")
    assert told[-1]["request_id"]
    assert "127.0.0.1:1" in told[-1]["message"]


def test_the_same_request_again_goes_on_with_the_rows_it_lacks(
    service: ServiceProcess, transport: PhpTransport
) -> None:
    address = transport.address(service)
    request = f"--request-id=the same by {transport.name}"
    with running_program(
        "export", *ARGUMENTS, request, address=address, transport=transport
    ) as program:
        program.wait_for("paused")
    # The process was killed: what it had sent is kept.
    everything = ("export", f"--rows={ROWS}", request)
    [*_, done] = run_program(*everything, address=address, transport=transport)
    [*_, again] = run_program(*everything, address=address, transport=transport)
    _assert_as_undisturbed(done)
    _assert_as_undisturbed(again)
    assert done["task_id"] == again["task_id"]


def test_an_export_that_is_there_is_found_over_a_slower_way(
    service: ServiceProcess, transport: PhpTransport
) -> None:
    # A proxy gives the client the whole answer in one piece, with the end of the call.
    with CutNetwork.before(transport.address(service)) as network:
        arguments = ("export", "--rows=1", f"--request-id=in one piece by {transport.name}")
        [*_, done], [*_, again] = (
            run_program(*arguments, address=network.address, transport=transport) for _ in range(2)
        )
    assert (again["event"], again["task_id"]) == ("done", done["task_id"]), again


def test_a_callback_that_returns_false_cancels_the_export(
    service: ServiceProcess, transport: PhpTransport
) -> None:
    told = run_program(
        "export",
        f"--rows={20 * ROWS}",
        f"--cancel-at={PAUSE_AT}",
        address=transport.address(service),
        transport=transport,
    )
    assert (told[-1]["class"], told[-1]["code"]) == ("CancelledException", "CANCELLED")
    service.log.wait_for("TaskCancelled", told[-1]["task_id"])


@pytest.mark.parametrize(
    "cut_behind",
    [
        b"POST /v1/exp",
        b'"format":',
        b"PUT /v1/exports/",
        b"record-batches\r\n",
        b"],[",
        b"/finish",
        b'"expected_rows":',
    ],
)
def test_the_answer_to_half_a_request_is_a_broken_connection(
    service: ServiceProcess, cut_behind: bytes
) -> None:
    with HalfClosingNetwork.before(service.http, cut_behind) as network:
        told = run_program(
            "export", f"--rows={ROWS}", address=network.address, transport=TRANSPORTS["http"]
        )
    assert network.cuts == 1
    assert [event["context"]["code"] for event in told[:-1]] == ["UNREACHABLE"]
    _assert_as_undisturbed(told[-1])
