"""The service as a process: one ``trio.run``, lifetimes as nested nurseries, an orderly end.

Store and status servers outlive the exports, which outlive the listeners. On the first SIGTERM
or SIGINT the listeners stop accepting, calls and exports have their grace, what is left goes back
to the queue; a second signal stops at once.
"""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

import trio

from rowferry.clock import utc_now
from rowferry.composition import Adapters, Exports, assemble, limiters_for
from rowferry.config import Config
from rowferry.config_loading import load
from rowferry.config_sources import ConfigError
from rowferry.data_directory import DataDirectoryInUseError, hold_data_directory, open_adapters
from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.task import RUNNING, TaskState
from rowferry.doors import Addresses, Doors, host_port
from rowferry.export.live_task import LiveTasks
from rowferry.free_space import disk_free_bytes
from rowferry.heap import give_back_free_memory, release_free_memory, share_heaps
from rowferry.ports import Observer
from rowferry.providers.registry import ProviderSetupError
from rowferry.reloading import AccessReload
from rowferry.spool.database_record import OtherDatabaseError
from rowferry.telemetry.audit_log import audit_log
from rowferry.telemetry.event_log import EventLog, ObserverGroup
from rowferry.telemetry.health import Phase
from rowferry.telemetry.log_setup import service_log
from rowferry.telemetry.metrics import Metrics
from rowferry.telemetry.resources import resident_bytes

EXIT_OK: Final = 0
EXIT_CONFIGURATION: Final = 2

OpenAdapters: TypeAlias = Callable[[Config, Observer], AbstractAsyncContextManager[Adapters]]
# what keeps a service from starting and is no defect: one line each, no stack
_SETUP_ERRORS: Final = (
    ConfigError,
    DataDirectoryInUseError,
    OtherDatabaseError,
    ProviderSetupError,
    RowferryError,
    OSError,
)


def run(config: Config, reread: Callable[[], Config] | None = None) -> int:
    """Run the service until it is told to stop; return the process's exit code.

    On SIGHUP ``reread`` gives the settings of who may pass; None = they never change.
    """
    exit_code = EXIT_OK
    reload = AccessReload(reread or (lambda: config))
    try:
        trio.run(_serve_until_signal, config, reload)
    except* _SETUP_ERRORS as group:
        for error in _leaves(group):
            sys.stderr.write(f"rowferry: {error}\n")
        exit_code = EXIT_CONFIGURATION
    return exit_code


async def serve(
    config: Config,
    stop: trio.Event,
    *,
    opener: OpenAdapters = open_adapters,
    reload: AccessReload | None = None,
    task_status: trio.TaskStatus[Addresses] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until ``stop`` is set, then end in order; ``started`` gives the real addresses.

    ``opener`` gives what the service stands on: by default what the settings name. ``reload`` may
    be asked to read again who may pass.

    Raises DataDirectoryInUseError, OSError for addresses or files that can't be had, ConfigError
    for settings that prove to be wrong, OtherDatabaseError for rows that belong to another
    database, and RowferryError for a database or a spool that can't be used.
    """
    live_tasks = LiveTasks()
    settings = config.logging
    with (
        hold_data_directory(config),
        service_log(level=settings.level, style=settings.format, output=settings.output) as log,
        audit_log(config.security.audit_log, now=utc_now, clock=time.monotonic) as audit,
    ):
        metrics = _metrics(config, live_tasks)
        observer = ObserverGroup([EventLog(log, settings.level), metrics, audit])
        limiters = limiters_for(config)
        async with opener(config, observer) as adapters:
            exports = assemble(config, adapters, limiters, live_tasks)
            doors = Doors(config, adapters, exports, limiters)
            await exports.recovery.run()
            async with trio.open_nursery() as lifetime:
                shutdown = trio.Event()
                metrics_at = await doors.open_metrics(lifetime, shutdown, metrics.exposition)
                http_at = await doors.open_http(lifetime, shutdown)
                async with trio.open_nursery() as running:
                    if adapters.credentials is not None:
                        running.start_soon(adapters.credentials.watch)
                    if reload is not None:
                        running.start_soon(reload.run, adapters.credentials, doors.tls, observer)
                    _start(exports, running)
                    running.start_soon(audit.run)
                    running.start_soon(give_back_free_memory, limiters.spool_threads)
                    async with trio.open_nursery() as listeners:
                        grpc_at = await doors.open_grpc(listeners)
                        websocket_at = await doors.open_websocket(listeners)
                        addresses = Addresses(
                            grpc=host_port(grpc_at),
                            http=host_port(http_at),
                            websocket=host_port(websocket_at),
                            metrics=host_port(metrics_at),
                        )
                        _announce_ready(doors, addresses, observer)
                        task_status.started(addresses)
                        await stop.wait()
                        await _drain(config, doors, exports, observer)
                    running.cancel_scope.cancel()
                shutdown.set()
        observer.observe(events.ServiceStopped())


def _start(exports: Exports, running: trio.Nursery) -> None:
    """Run what goes on beside the doors until it is cancelled."""
    running.start_soon(exports.dispatcher.run)
    running.start_soon(exports.deadlines.run)
    running.start_soon(exports.leases.run)
    running.start_soon(exports.scheduler.run)
    running.start_soon(exports.storage_sweep.run)
    running.start_soon(exports.day_quotas.run)


def _announce_ready(doors: Doors, addresses: Addresses, observer: Observer) -> None:
    release_free_memory()
    doors.readiness.phase = Phase.READY
    doors.health.set_all(serving=True)
    observer.observe(
        events.ServiceReady(
            grpc=addresses.grpc,
            http=addresses.http,
            websocket=addresses.websocket,
            metrics=addresses.metrics,
            pid=os.getpid(),
            version=version("rowferry"),
            resident_bytes=resident_bytes(),
        )
    )


async def _drain(config: Config, doors: Doors, exports: Exports, observer: Observer) -> None:
    """Take nothing new; give calls and whole tasks their grace, then end the calls."""
    grace_seconds = config.server.shutdown_grace_seconds
    observer.observe(events.ServiceStopping(grace_seconds=grace_seconds))
    doors.readiness.phase = Phase.STOPPING
    doors.health.set_all(serving=False)
    exports.arrivals.stop()
    exports.dispatcher.stop_claiming()
    deadline = trio.current_time() + grace_seconds
    async with trio.open_nursery() as calls:
        calls.start_soon(doors.grpc.stop, grace_seconds)
        calls.start_soon(doors.http_calls.stop, grace_seconds)
        calls.start_soon(doors.websocket.stop, grace_seconds)
    with trio.move_on_at(deadline):
        await exports.dispatcher.wait_for_whole_tasks()


def _metrics(config: Config, live_tasks: LiveTasks) -> Metrics:
    return Metrics(
        active_tasks=lambda: live_tasks.count(*RUNNING),
        queued_tasks=lambda: live_tasks.count(TaskState.QUEUED),
        resident_bytes=resident_bytes,
        disk_free_bytes=lambda: disk_free_bytes(config.data_directory),
    )


async def _serve_until_signal(config: Config, reload: AccessReload) -> None:
    # opened first and closed last: a signal before or after serving must not kill the process
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch_signals, signals, stop, nursery.cancel_scope, reload)
            await serve(config, stop, reload=reload)
            nursery.cancel_scope.cancel()


async def _watch_signals(
    signals: AsyncIterator[int],
    stop: trio.Event,
    everything: trio.CancelScope,
    reload: AccessReload,
) -> None:
    async for number in signals:
        if number == signal.SIGHUP:
            reload.ask()
            continue
        if stop.is_set():
            everything.cancel()
        stop.set()


def main(arguments: Sequence[str]) -> int:
    """Run the service on the settings of ``arguments``: a file, or none for the usual places."""
    share_heaps()
    path = Path(arguments[0]) if arguments else None
    return run(load(path, os.environ), lambda: load(path, os.environ))


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Give the single errors of a group of groups."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
