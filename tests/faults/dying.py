"""Services that die at a chosen call of an adapter."""

import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from tests.e2e.service_process import (
    STOP_SECONDS,
    ServiceFailedError,
    ServiceProcess,
    running_service,
)
from tests.faults.transfers import Transfer

_LAUNCHER: Final = str(Path(__file__).with_name("dying_service.py"))


def dying(
    point: str, data_directory: Path, settings: Mapping[str, object] | None = None
) -> AbstractContextManager[ServiceProcess]:
    """Run a service that dies at a point, see ``dying_service``; at none if it is ""."""
    arguments = (_LAUNCHER, *point.split())
    return running_service(data_directory, settings, arguments=arguments)


def die_again(point: str, data_directory: Path) -> None:
    """Run a service that dies at a point of its recovery, be it before it is ready."""
    with suppress(ServiceFailedError), dying(point, data_directory) as service:
        assert service.process.wait(STOP_SECONDS) == -signal.SIGKILL


def live_until(
    point: str,
    data_directory: Path,
    transfer: Transfer,
    settings: Mapping[str, object] | None = None,
    *,
    must_die: bool = True,
) -> bool:
    """Push to a service that dies at a point; tell whether it came to that."""
    with dying(point, data_directory, settings) as service:
        transfer.push(service.grpc)
        if must_die or transfer.result is None:
            assert service.process.wait(STOP_SECONDS) == -signal.SIGKILL
        return service.process.poll() is not None
