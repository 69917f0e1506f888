"""The TypeScript client in Node against the real service."""

import hashlib
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from tests.clients.conformance import Case, assert_said, by_case, cases
from tests.clients.dataset_files import sha256_by_http
from tests.clients.program import Told
from tests.clients.typescript import Doors, built, npm, run_program, running_program
from tests.e2e.nodes import Cluster
from tests.e2e.process_figures import peak_resident_bytes
from tests.e2e.service_process import ServiceProcess, running_service
from tests.e2e.tls import running_tls_service
from tests.faults.cut_network import CutNetwork
from tests.servers.postgresql import PostgresqlServer

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

ROWS: Final = 200_000
CUTS: Final = 9
MIB: Final = 2**20
REFUSED: Final = ("UnauthenticatedError", "UNAUTHENTICATED")
NATIVE: Final = ("--experimental-websocket",)  # Node 20 has one behind this; later ones always


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    """Have npm install and compile first: half a minute that is no test's own."""
    built()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("typescript")) as running:
        yield running


@pytest.fixture(scope="module")
def sha256(service: ServiceProcess) -> dict[str, str]:
    """The files of the data set's rows, by a door and a client of none of this."""
    return {name: sha256_by_http(service, ROWS, name) for name in ("csv", "xlsx")}


def test_its_code_is_in_order_and_its_units_do_what_they_promise() -> None:
    npm("run", "lint")
    npm("test")


def test_the_whole_of_it_is_as_small_as_it_promises() -> None:
    npm("run", "size")


@pytest.fixture(scope="module")
def conformance(service: ServiceProcess) -> dict[str, Told]:
    """What the client said of each case: one program exports them all."""
    return by_case(run_program("conformance", doors=Doors.of(service)))


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if "typescript" not in case.get("skip", {})],
    ids=lambda case: case["name"],
)
def test_conformance(conformance: dict[str, Told], case: Case) -> None:
    assert_said(conformance[case["name"]], case, failed="ExportFailedError")


@pytest.mark.parametrize(
    ("file_format", "websocket"), [("csv", "ws"), ("csv", "native"), ("xlsx", "ws")]
)
def test_many_rows_make_the_same_file_as_by_another_door(
    service: ServiceProcess, sha256: dict[str, str], file_format: str, websocket: str
) -> None:
    [done] = run_program(
        "export",
        *(f"--rows={ROWS}", f"--format={file_format}", f"--websocket={websocket}"),
        "--progress=yes",
        doors=Doors.of(service),
        options=NATIVE if websocket == "native" else (),
    )
    assert (done["event"], done.get("state")) == ("done", "COMPLETED"), done
    assert done["rows"] == done["rows_kept"] == ROWS
    assert done["sha256"] == sha256[file_format]


def test_a_connection_that_is_cut_nine_times_leaves_no_trace_in_the_file(
    service: ServiceProcess, sha256: dict[str, str]
) -> None:
    with CutNetwork.before(service.websocket) as network:
        doors = Doors(ingest=f"ws://{network.address}", http=f"http://{service.http}")
        every = ROWS // (CUTS + 1)
        arguments = (f"--rows={ROWS}", f"--gate-every={every}", "--format=xlsx")
        with running_program("export", *arguments, doors=doors) as program:
            for _ in range(CUTS):
                program.wait_for("gate")
                network.reset()
                program.wait_for("reconnecting")
                program.go_on()
            done = program.rest()[-1]
    assert (done["event"], done.get("rows")) == ("done", ROWS), done
    assert done["sha256"] == sha256["xlsx"]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_an_export_outlives_its_service(end: str, sha256: dict[str, str], tmp_path: Path) -> None:
    ports = {f"server.{name}": _free_port() for name in ("websocket_port", "status_port")}
    with ExitStack() as held:
        with running_service(tmp_path, {**ports, "server.shutdown_grace_seconds": 0}) as first:
            arguments = (f"--rows={ROWS}", f"--gate-every={ROWS // 2}")
            program = held.enter_context(
                running_program("export", *arguments, doors=Doors.of(first))
            )
            program.wait_for("gate")
            task_id = first.log.wait_for("TaskStarted")["task_id"]
            getattr(first, end)()
            told = program.wait_for("reconnecting")
            assert told["code"] == ("UNREACHABLE" if end == "kill" else "SHUTTING_DOWN")
        with running_service(tmp_path, ports):
            program.go_on()
            done = program.rest()[-1]
    assert (done["event"], done.get("state")) == ("done", "COMPLETED"), done
    assert (done["task_id"], done["sha256"]) == (task_id, sha256["csv"])


def test_an_aborted_export_stays_open_and_goes_on_where_it_stopped(
    service: ServiceProcess, sha256: dict[str, str]
) -> None:
    doors = Doors.of(service)
    arguments = (f"--rows={ROWS}", "--request-id=aborted once")
    [aborted] = run_program("export", *arguments, f"--abort-at={ROWS // 2}", doors=doors)
    assert (aborted["event"], aborted["class"]) == ("failed", "AbortError")
    [done] = run_program("export", *arguments, doors=doors)
    assert (done["event"], done.get("sha256")) == ("done", sha256["csv"]), done
    [again] = run_program("export", *arguments, doors=doors)
    assert (again["sha256"], again["drawn"]) == (done["sha256"], 0)


def test_a_service_that_stands_still_stops_the_rows_and_holds_no_memory(tmp_path: Path) -> None:
    rows = 1_000_000
    arguments = (f"--rows={rows}", "--gate-every=20000", "--last-gate=20000", "--stall=yes")
    with (
        running_service(tmp_path) as service,
        running_program("export", *arguments, doors=Doors.of(service)) as program,
    ):
        program.wait_for("gate")
        service.process.send_signal(signal.SIGSTOP)
        try:
            program.go_on()
            stalled = program.wait_for("stalled")
            assert stalled["rows"] < 150_000
        finally:
            service.process.send_signal(signal.SIGCONT)
        done = program.wait_for("done")
        assert done["rows"] == rows
        assert peak_resident_bytes(program.process.pid) < 250 * MIB


def run_tasks(doors: Doors, environment: Mapping[str, str] | None = None) -> list[Told]:
    with running_program("tasks", doors=doors, environment=environment) as program:
        assert program.wait_for("task")["owner"] == "ada"
        program.wait_for("gate")
        program.go_on()
        return program.rest()


def test_tasks_are_watched_listed_and_deleted(service: ServiceProcess) -> None:
    watched, listed, deleted = run_tasks(Doors.of(service))
    assert watched["same"]
    assert listed["all"]
    assert deleted["status"] == "EXPIRED"


def test_watching_goes_on_when_the_service_is_restarted(tmp_path: Path) -> None:
    ports = {f"server.{name}": _free_port() for name in ("websocket_port", "status_port")}
    with ExitStack() as held:
        with running_service(tmp_path, ports) as first:
            program = held.enter_context(running_program("tasks", doors=Doors.of(first)))
            program.wait_for("gate")
            first.kill()
        with running_service(tmp_path, ports):
            program.go_on()
            watched, *_ = program.rest()
    assert watched["same"]


def test_the_service_s_refusals_are_typed(tmp_path: Path) -> None:
    with running_service(tmp_path, {"server.max_message_bytes": "64 KiB"}) as service:
        told = run_program("tasks", "--only=errors", doors=Doors.of(service))
    names = [event["name"] for event in told if event["event"] == "case"]
    failed = [event for event in told if event["event"] == "failed"]
    assert [event["code"] for event in failed] == names
    classes = {event["code"]: event["class"] for event in failed}
    assert classes == {
        "IDEMPOTENCY_CONFLICT": "ConflictError",
        "INVALID_METADATA": "InvalidRequestError",
        "NOT_FOUND": "NotFoundError",
        "INVALID_STATE": "ConflictError",
        "TOO_LARGE": "LimitedError",
        "INVALID_ROW": "ExportFailedError",
        "CANCELLED": "ExportFailedError",
    }
    assert told[-1]["reason"] == "the test wants it"


def test_tokens_are_shown_whatever_they_are_made_of(tmp_path: Path) -> None:
    settings, data = tmp_path / "settings.toml", tmp_path / "data"
    data.mkdir()
    tokens = ["let-me-in", "me/too,I:am=known"]  # a subprotocol has no such characters
    hashes = [hashlib.sha256(token.encode()).hexdigest() for token in tokens]
    settings.write_text(
        "[security]\nauth_enabled = true\n"
        f'[[security.clients]]\nname = "shop"\ntoken_sha256 = {hashes}\n'
    )
    arguments = ("-m", "rowferry", "serve", "--config", str(settings))
    with running_service(data, arguments=arguments) as service:
        doors = Doors.of(service)
        for token in tokens:
            told = run_tasks(doors, {"ROWFERRY_TOKEN": token})
            assert [event["event"] for event in told] == ["watched", "listed", "deleted"]
        for token in ("", "unknown", "un/known", "unbekännt"):
            environment = {"ROWFERRY_TOKEN": token}
            [failed] = run_program("export", "--rows=9", doors=doors, environment=environment)
            assert (failed["class"], failed["code"]) == REFUSED


def test_the_node_that_has_the_rows_is_gone_to(
    postgresql: PostgresqlServer, sha256: dict[str, str], tmp_path: Path
) -> None:
    cluster = Cluster(folder=tmp_path, database_url=postgresql.create_database())
    port = {"server.websocket_port": _free_port()}  # one number on all nodes
    here, there = "127.0.0.1", "127.0.0.2"
    with (
        cluster.node(
            "one", {**port, "server.host": here, "server.node_address": f"{here}:9090"}
        ) as one,
        cluster.node("two", {**port, "server.host": there}) as two,
    ):
        arguments = (f"--rows={ROWS}", "--request-id=begun at the first node")
        [aborted] = run_program(
            "export", *arguments, f"--abort-at={ROWS // 2}", doors=Doors.of(one)
        )
        assert aborted["class"] == "AbortError"
        *reconnects, done = run_program("export", *arguments, doors=Doors.of(two))
        assert [told["code"] for told in reconnects] == ["WRONG_NODE"]
        assert (done["event"], done.get("sha256")) == ("done", sha256["csv"]), done
        assert two.log.named("TaskStarted") == []


def test_tls_is_spoken_with_those_who_are_trusted_only(tmp_path: Path) -> None:
    with running_tls_service(tmp_path) as tls:
        doors = Doors.of(tls.service, tls=True)
        trusting = {"NODE_EXTRA_CA_CERTS": str(tls.ca_path)}
        arguments = ("--rows=1000", "--progress=yes", "--connect-for=0")
        [done] = run_program("export", *arguments, doors=doors, environment=trusting)
        [failed] = run_program("export", *arguments, doors=doors)
    assert (done["event"], done.get("rows_kept")) == ("done", 1000), done
    assert (failed["class"], failed["code"]) == ("UnreachableError", "UNREACHABLE")


class _Website(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = b"<!doctype html><title>Welcome!</title>"
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_what_is_no_rowferry_is_told_as_unreachable(service: ServiceProcess) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Website) as website:
        serving = threading.Thread(target=website.serve_forever, name="website")
        serving.start()
        try:
            for address in (f"127.0.0.1:{website.server_port}", service.http, service.metrics):
                doors = Doors(ingest=f"ws://{address}", http=f"http://{address}")
                [failed] = run_program("export", "--rows=9", "--connect-for=0", doors=doors)
                assert (failed["class"], failed["code"]) == ("UnreachableError", "UNREACHABLE")
        finally:
            website.shutdown()
            serving.join()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
