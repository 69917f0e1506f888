"""The Python client, for trio and blocking, against the real service."""

import hashlib
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from bench.dataset import COLUMNS, rows
from rowferry.client import (
    Client,
    Column,
    ExportFailedError,
    ExportOptions,
    InvalidRowError,
    NotFoundError,
    Progress,
    RowferryError,
    UnauthenticatedError,
    UnreachableError,
    sync,
)
from rowferry.client.errors import refusal
from tests.clients.conformance import Case, cases
from tests.clients.python_facades import (
    FACADES,
    Facade,
    MakeFacade,
    rows_of,
    spec_of,
    sync_facade,
    trio_facade,
)
from tests.e2e.service_process import ServiceProcess, running_service
from tests.e2e.test_security import CLIENTS, make_token
from tests.e2e.tls import running_tls_service
from tests.faults.cut_network import CutNetwork

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

ROWS = 200_000
CUTS = 9
MEMORY_ROWS = 2_000_000
MEMORY_BYTES = 90 * 2**20
CHECKOUT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m")
DATASET = [Column(name, kind) for name, kind in COLUMNS]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("python")) as running:
        yield running


@pytest.fixture(params=FACADES)
def make_facade(request: pytest.FixtureRequest) -> MakeFacade:
    return FACADES[request.param]


@pytest.fixture
def export(service: ServiceProcess, make_facade: MakeFacade) -> Facade:
    return make_facade(service.grpc)


@pytest.fixture(scope="module")
def dataset_sha256(service: ServiceProcess) -> str:
    """The data set's file, made of rows that came undisturbed."""
    with sync.Client(service.grpc) as client:
        return client.export(rows(ROWS), columns=DATASET, format="csv").sha256


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if "python" not in case.get("skip", {})],
    ids=lambda case: case["name"],
)
def test_conformance(export: Facade, case: Case, tmp_path: Path) -> None:
    if "error" in case:
        with pytest.raises(RowferryError) as caught:
            export(rows_of(case), **spec_of(case))
        _assert_is(caught.value, case["error"])
        return
    export(rows_of(case), **spec_of(case), into=tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    if "expected_csv" in case:
        assert content.decode() == case["expected_csv"]
    else:
        assert hashlib.sha256(content).hexdigest() == case["expected_sha256"]


def _assert_is(error: RowferryError, expected: dict[str, Any]) -> None:
    assert error.code == expected["code"]
    assert error.context == error.context | expected["context"]
    assert isinstance(error, ExportFailedError) == ("task" in expected)
    assert isinstance(error, type(refusal(error.code, "", {}))) != ("task" in expected)
    assert error.request_id


def test_many_rows_in_both_formats(export: Facade, dataset_sha256: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    result = export(rows(ROWS), columns=DATASET, format="csv", into=file)
    assert (result.rows, result.sha256) == (ROWS, dataset_sha256)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == dataset_sha256
    assert export(rows(ROWS), columns=DATASET, into=file).rows == ROWS


@pytest.mark.parametrize("stop", [ServiceProcess.kill, ServiceProcess.stop])
def test_a_service_that_ends_in_the_middle_is_waited_for(
    make_facade: MakeFacade,
    stop: Callable[[ServiceProcess], object],
    dataset_sha256: str,
    tmp_path: Path,
) -> None:
    settings = {"server.shutdown_grace_seconds": 1}
    told: list[Progress] = []
    with ExitStack() as services:
        first = services.enter_context(running_service(tmp_path, settings))
        port = first.grpc.rsplit(":", 1)[1]

        def end_in_the_middle() -> Iterator[list[str | None]]:
            for number, row in enumerate(rows(ROWS)):
                if number == ROWS // 2:
                    stop(first)
                    again = settings | {"server.port": int(port)}
                    services.enter_context(running_service(tmp_path, again))
                yield row

        result = make_facade(first.grpc)(
            end_in_the_middle(), columns=DATASET, format="csv", on_progress=told.append
        )
    assert (result.rows, result.sha256) == (ROWS, dataset_sha256)
    assert told[-1].reconnects >= 1
    assert told[-1].rows_kept == ROWS


def test_connections_that_are_cut_make_the_same_file(
    service: ServiceProcess, make_facade: MakeFacade, dataset_sha256: str
) -> None:
    told: list[Progress] = []
    with CutNetwork.before(service.grpc) as network:

        def cutting() -> Iterator[list[str | None]]:
            for number, row in enumerate(rows(ROWS), 1):
                if number % (ROWS // (CUTS + 1)) == 0 and number < ROWS:
                    network.reset()
                yield row

        result = make_facade(network.address)(
            cutting(), columns=DATASET, format="csv", on_progress=told.append
        )
    assert result.sha256 == dataset_sha256
    assert told[-1].reconnects >= 1


def test_rows_that_are_there_are_not_sent_again(
    service: ServiceProcess, make_facade: MakeFacade, dataset_sha256: str
) -> None:
    """A program that ended in the middle is started again with the same request."""
    request_id = f"again-{make_facade.__name__}"

    class ProgramEnds(Exception):  # noqa: N818
        pass

    def half() -> Iterator[list[str | None]]:
        yield from rows(ROWS // 2)
        raise ProgramEnds

    export = make_facade(service.grpc)
    with pytest.raises(ProgramEnds):
        export(half(), columns=DATASET, format="csv", request_id=request_id)
    told: list[Progress] = []
    result = export(
        rows(ROWS), columns=DATASET, format="csv", request_id=request_id, on_progress=told.append
    )
    assert told[0].rows_kept > 0
    assert result.sha256 == dataset_sha256
    again = export([], columns=DATASET, format="csv", request_id=request_id)
    assert again.link == result.link


def test_a_task_that_fails_raises_its_own_code(export: Facade) -> None:
    with pytest.raises(ExportFailedError) as caught:
        export(
            [[1], ["x"]],
            columns=[Column("A", "number")],
            format="csv",
            options=ExportOptions(on_bad_value="fail"),
        )
    assert caught.value.code == "INVALID_ROW"
    assert (caught.value.context["row"], caught.value.context["column"]) == ("2", "0")
    assert caught.value.task_id


async def test_calls_about_tasks(service: ServiceProcess) -> None:
    async with Client(service.grpc) as client:
        done = await client.export([[1]], columns=["A"], owner="ada", filename="tasks.xlsx")
        listed = [task async for task in client.list(owner="ada", states=["completed"])]
        assert done.task_id in {task.task_id for task in listed}
        assert (await client.status(done.task_id)).sha256 == done.sha256
        assert (await client.wait(done.task_id)).link == done.link
        async with client.open(columns=["A"], owner="ada") as export:
            await export.write([["x"]])
            cancelled = await client.cancel(export.progress.task_id, "not needed")
            assert (cancelled.state, cancelled.cancel_reason) == ("cancelled", "not needed")
            with pytest.raises(ExportFailedError) as caught:
                await export.finish()
        assert caught.value.code == "CANCELLED"
        assert (await client.delete(done.task_id)).state == "expired"
        with pytest.raises(NotFoundError):
            await client.status("0" * 32)


def test_calls_about_tasks_that_block(service: ServiceProcess) -> None:
    with sync.Client(service.grpc) as client:
        done = client.export([[1]], columns=["A"], owner="bob")
        assert [task.task_id for task in client.list(owner="bob")] == [done.task_id]
        assert client.status(done.task_id).sha256 == done.sha256
        assert client.wait(done.task_id).link == done.link
        with client.watch(done.task_id) as states:
            assert [task.state for task in states] == ["completed"]
        with client.open(columns=["A"]) as export:
            export.write([["x"]])
            assert client.cancel(export.progress.task_id).state == "cancelled"
            with pytest.raises(ExportFailedError):
                export.finish()
        assert client.delete(done.task_id).state == "expired"


async def test_a_result_that_is_not_waited_for(service: ServiceProcess) -> None:
    async with Client(service.grpc) as client:
        at_once = await client.export(rows(1000), columns=DATASET, wait_seconds=0)
        assert at_once.task_id
        assert (await client.wait(at_once.task_id)).rows == 1000


async def test_rows_that_come_slowly_are_sent_meanwhile(service: ServiceProcess) -> None:
    class Slow:
        """The second row comes once the first is safe with the service."""

        def __init__(self) -> None:
            self.kept = trio.Event()
            self._left = [["a"], ["b"]]

        def __aiter__(self) -> "Slow":
            return self

        async def __anext__(self) -> list[str]:
            if not self._left:
                raise StopAsyncIteration
            if len(self._left) == 1:
                await self.kept.wait()
            return self._left.pop(0)

        def tell(self, progress: Progress) -> None:
            if progress.rows_kept:
                self.kept.set()

    slow = Slow()
    async with Client(service.grpc) as client:
        result = await client.export(slow, columns=["A"], format="csv", on_progress=slow.tell)
    assert result.rows == 2


async def test_an_asynchronous_generator_is_closed_with_the_export(
    service: ServiceProcess,
) -> None:
    closed: list[object] = []
    drawn = trio.Event()

    async def generate(cell: object) -> AsyncGenerator[list[object], None]:  # noqa: ASYNC900  what users write
        try:
            for _ in range(100):
                yield [cell]
            drawn.set()
            await trio.sleep_forever()
        finally:
            closed.append(cell)

    async with Client(service.grpc) as client:
        refused = object()
        with pytest.raises(InvalidRowError):
            await client.export(generate(refused), columns=["A"])
        assert closed == [refused]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(client.export, generate("kept"), columns=["A"]))
            await drawn.wait()
            nursery.cancel_scope.cancel()
        assert closed == [refused, "kept"]


def test_a_token_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file, data = tmp_path / "settings.toml", tmp_path / "data"
    settings_file.write_text(f"[security]\nauth_enabled = true\n{CLIENTS}")
    data.mkdir()
    arguments = ("-m", "rowferry", "serve", "--config", str(settings_file))
    with running_service(data, arguments=arguments) as service:
        token = make_token(service, settings_file, "shop")
        service.log.wait_for("AccessReloaded")
        with pytest.raises(UnauthenticatedError):
            sync_facade(service.grpc)([["x"]], columns=["A"])
        assert sync_facade(service.grpc, token=token)([["x"]], columns=["A"]).rows == 1
        monkeypatch.setenv("ROWFERRY_TOKEN", token)
        assert sync_facade(service.grpc)([["x"]], columns=["A"]).rows == 1


def test_tls_by_an_authority_of_ones_own(tmp_path: Path) -> None:
    with running_tls_service(tmp_path) as secured:
        address = f"https://{secured.service.grpc}"
        export = trio_facade(address, ca_file=str(secured.ca_path))
        assert export([["x"]], columns=["A"], into=tmp_path / "file").rows == 1
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            trio_facade(address)([["x"]], columns=["A"])


@pytest.mark.parametrize("facade", FACADES)
def test_memory_stays_flat(service: ServiceProcess, facade: str) -> None:
    """XLSX is slower to write than rows are to pack, so the service holds the client back."""
    done = subprocess.run(
        [*PROGRAM, "tests.clients.python_memory_program", facade, service.grpc, str(MEMORY_ROWS)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    row_count, peak_bytes = map(int, done.stdout.split())
    assert row_count == MEMORY_ROWS
    assert peak_bytes < MEMORY_BYTES


def test_ctrl_c_ends_a_call_that_blocks(service: ServiceProcess) -> None:
    arguments = [*PROGRAM, "tests.clients.python_interrupted_program", service.grpc]
    with subprocess.Popen(arguments, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\nstill works\n"
    assert process.returncode == 0
