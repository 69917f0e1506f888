"""The blocking client wherever programs run: threads, loops, forks, interpreters that end."""

import gc
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest
import trio

from rowferry.client import DeadlineExceededError, Progress, UnreachableError
from rowferry.client.export_spec import ExportSpec
from rowferry.client.sync import Client
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]
THREADS = 8


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("sync")) as running:
        yield running


def run_program(text: str, service: ServiceProcess) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text), service.grpc],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_threads_share_a_client(service: ServiceProcess) -> None:
    rows: list[int] = []
    with Client(service.grpc) as client:

        def export(count: int) -> None:
            rows.append(client.export(([n] for n in range(count)), columns=["A"]).rows)

        threads = [threading.Thread(target=export, args=(n,)) for n in range(1, THREADS + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(rows) == list(range(1, THREADS + 1))


def test_rows_and_callbacks_stay_in_the_thread_that_exports(service: ServiceProcess) -> None:
    seen: set[int] = set()

    def rows() -> Iterator[list[int]]:
        for number in range(1000):
            seen.add(threading.get_ident())
            yield [number]

    def on_progress(_: Progress) -> None:
        seen.add(threading.get_ident())

    with Client(service.grpc) as client:
        client.export(rows(), columns=["A"], on_progress=on_progress)
    assert seen == {threading.get_ident()}


def test_it_works_where_trio_runs_already(service: ServiceProcess) -> None:
    async def main() -> int:
        await trio.lowlevel.checkpoint()
        with Client(service.grpc) as client:
            return client.export([["x"]], columns=["A"]).rows

    assert trio.run(main) == 1


def test_deadlines_end_the_wait_and_not_the_client(service: ServiceProcess) -> None:
    with Client(service.grpc) as client, client.open(columns=["A"]) as export:
        task_id = export.progress.task_id
        with pytest.raises(DeadlineExceededError):
            client.wait(task_id, timeout_seconds=0.01)
        assert client.cancel(task_id).state == "cancelled"


def test_an_export_that_took_too_long_can_be_made_again(service: ServiceProcess) -> None:
    with Client(service.grpc) as client:
        with pytest.raises(DeadlineExceededError):
            client.export([["x"]], columns=["A"], request_id="late", timeout_seconds=0)
        assert client.export([["x"]], columns=["A"], request_id="late").rows == 1


def test_rows_behind_the_end_are_refused(service: ServiceProcess) -> None:
    with Client(service.grpc) as client, client.open(columns=["A"]) as export:
        export.write([["x"]])
        result = export.finish()
        with pytest.raises(RuntimeError, match="have ended"):
            export.write([["y"]])
        assert export.finish() == result


def test_an_export_whose_writing_was_interrupted_goes_on_by_its_request(
    service: ServiceProcess,
) -> None:
    def interrupted() -> Iterator[list[str]]:
        yield ["x"]
        raise KeyboardInterrupt

    spec: ExportSpec = {"columns": ["A"], "request_id": "interrupted"}
    with Client(service.grpc) as client:
        with client.open(**spec) as export:
            with pytest.raises(KeyboardInterrupt):
                export.write(interrupted())
            with pytest.raises(RuntimeError, match="request_id"):
                export.finish()
        assert client.export([["x"], ["y"]], **spec).rows == 2


def test_a_client_that_was_closed_connects_again(service: ServiceProcess) -> None:
    client = Client(service.grpc)
    task_id = client.export([["x"]], columns=["A"]).task_id
    client.close()
    assert client.status(task_id).state == "completed"
    client.close()
    client.close()


def test_a_service_that_is_not_there_is_told_each_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen
        address = "{}:{}".format(*silent.getsockname())
        client = Client(address, connect_timeout_seconds=0)
        for _ in range(2):
            with pytest.raises(UnreachableError):
                client.status("t")


def test_no_thread_is_left(service: ServiceProcess) -> None:
    before = _client_threads()
    with Client(service.grpc) as client:
        client.export([["x"]], columns=["A"])
        assert len(_client_threads() - before) == 1
    assert not _client_threads() - before
    forgotten = Client(service.grpc)
    list(forgotten.list())
    [thread] = _client_threads() - before
    del forgotten
    gc.collect()
    thread.join()


def _client_threads() -> set[threading.Thread]:
    """Give the threads of clients; those that trio keeps for a while come and go."""
    return {thread for thread in threading.enumerate() if thread.name == "rowferry client"}


def test_an_interpreter_ends_with_a_client_that_nobody_closed(service: ServiceProcess) -> None:
    program = """
        import sys
        from rowferry.client.sync import Client
        client = Client(sys.argv[1])
        opened = client.open(columns=["A"])
        export = opened.__enter__()
        export.write([["x"]])
        print("end")
    """
    assert run_program(program, service) == "end\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_parent_and_child_of_a_fork_both_go_on(service: ServiceProcess) -> None:
    program = """
        import os, sys
        from rowferry.client.sync import Client
        with Client(sys.argv[1]) as client:
            with client.open(columns=["A"]) as export:
                export.write([["x"]])
                child = os.fork()
                if child == 0:
                    os._exit(client.export([["y"]] * 3, columns=["A"]).rows)
                rows = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                export.write([["z"]])
                print(rows, export.finish().rows)
    """
    assert run_program(program, service) == "3 2\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_what_was_open_stays_with_the_parent_of_a_fork(service: ServiceProcess) -> None:
    program = """
        import multiprocessing, sys
        from rowferry.client import ForkedError
        from rowferry.client.sync import Client

        client = Client(sys.argv[1])
        client.export([["x"]], columns=["A"])
        opened = client.open(columns=["A"])
        export = opened.__enter__()
        export.write([["x"]])
        tasks = client.list()
        watching = client.watch(export.progress.task_id)
        states = watching.__enter__()

        def child():
            refused = 0
            for use in (
                lambda: export.write([["y"]] * 1000),
                export.flush,
                export.finish,
                lambda: next(tasks),
                lambda: next(states),
            ):
                try:
                    use()
                except ForkedError:
                    refused += 1
            opened.__exit__(None, None, None)
            watching.__exit__(None, None, None)
            client.close()
            sys.exit(refused * 10 + client.export([["y"]] * 3, columns=["A"]).rows)

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        next(states)
        print(process.exitcode, export.finish().rows, next(tasks).request_id != "")
    """
    assert run_program(program, service) == "53 1 True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_client_on_trio_stays_with_the_parent_of_a_fork(service: ServiceProcess) -> None:
    program = """
        import os, sys, trio, warnings
        from functools import partial
        from rowferry.client import Client, ForkedError

        def fork(client, export):
            child = os.fork()
            if child:
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            warnings.simplefilter("ignore")  # trio's: the parent's loop is not the child's
            refused = 0
            write = partial(export.write, [["y"]] * 1000)
            for use in (write, export.finish, partial(client.status, "t")):
                try:
                    trio.run(use)
                except ForkedError:
                    refused += 1
            os._exit(refused)

        async def main():
            async with Client(sys.argv[1]) as client, client.open(columns=["A"]) as export:
                await export.write([["x"]])
                refused = await trio.to_thread.run_sync(fork, client, export)
                print(refused, (await export.finish()).rows)

        trio.run(main)
    """
    assert run_program(program, service) == "3 1\n"
