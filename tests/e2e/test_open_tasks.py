"""Exports that wait for their clients are small, however they came to wait."""

import itertools
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.http_uploads import ask
from tests.e2e.process_figures import resident_bytes
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
WARM_UP: Final = 60
TASKS: Final = 300
# Measured: 21 KiB. One that keeps what its broken connection had takes 51 and more.
TASK_BYTES: Final = 38 << 10
ONE_SHOT: Final = "/v1/export?format=csv&columns=%5B%22id%22%2C%22name%22%5D&filename=rows"
REFUSED_IN_ITS_SECOND_ROW: Final = b'[1,"Ada"]\n[2,"Grace","and more"]\n'


def _leave(service: ServiceProcess, number: int) -> None:
    """Make an export whose rows are refused in the middle: it waits to be taken up again."""
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"request {number}"}
    answer = ask(service, "POST", ONE_SHOT, REFUSED_IN_ITS_SECOND_ROW, headers)
    assert "INVALID_ROW" in str(answer.document), answer


def test_export_that_waits_for_its_client_takes_few_kilobytes(tmp_path: Path) -> None:
    numbers = itertools.count()
    with running_service(tmp_path, measured=True) as service:
        for _ in range(WARM_UP):
            _leave(service, next(numbers))
        before = resident_bytes(service.process.pid)
        for _ in range(TASKS):
            _leave(service, next(numbers))
        growth_bytes = resident_bytes(service.process.pid) - before
    assert growth_bytes / TASKS < TASK_BYTES
