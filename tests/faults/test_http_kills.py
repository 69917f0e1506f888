"""``kill -9`` at random moments of bodies over HTTP: nothing answered is lost, nothing doubled."""

import http.client
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bench.dataset import rows
from rowferry.v1 import export_pb2 as pb
from tests.e2e.http_uploads import (
    CALL_SECONDS,
    CSV_TYPE,
    NDJSON_TYPE,
    ask,
    create_export,
    csv_text,
    pieces,
)
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.figures import Figures
from tests.faults.scale import scaled
from tests.faults.undisturbed import undisturbed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ROUNDS: Final = scaled(short=2, full=40)
ROWS: Final = scaled(short=20_000, full=200_000)
FORMATS: Final = {"CSV": pb.CSV, "EXCEL": pb.EXCEL}
_TABLE: Final = list(rows(ROWS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """Rows on their way, and the number of their first batch."""

    sequence: int
    content: bytes
    kind: str


class HttpTransfer:
    """One export that is sent body by body, through any number of interruptions.

    Every answer is held to what was answered before. After an interruption its client either asks
    where its rows go on, or sends the same body again.
    """

    def __init__(self, file_format: str, chance: random.Random) -> None:
        self.file_format: Final = file_format
        self.kept_rows = 0
        self.result: dict[str, Any] = {}
        self.bodies_again = 0
        self._chance = chance
        self._next_sequence = 1
        self._under_way: _Body | None = None

    def push(self, service: ServiceProcess) -> None:
        """Go on until the result, or until the connection is lost."""
        try:
            address = create_export(service, "transfer", self.file_format)
            while self._send_one(service, address):
                pass
            order = json.dumps({"expected_rows": ROWS, "wait_seconds": 0}).encode()
            done = ask(service, "POST", address.replace("/rows", "/finish"), order)
        except (OSError, http.client.HTTPException):
            return  # the service was killed
        assert done.status == 200, done.document
        self.result = done.document

    def _send_one(self, service: ServiceProcess, address: str) -> bool:
        """Send a body; False when no rows are left."""
        body = self._under_way
        if body is not None and self._chance.random() < 0.5:
            self.bodies_again += 1
        else:
            if body is not None:
                self._ask_for_position(service, address)
            body = self._next_body()
        if body is None:
            return False
        self._under_way = body
        target = f"{address}?seq={body.sequence}"
        sent = ask(service, "PUT", target, pieces(body.content), {"Content-Type": body.kind})
        assert sent.status == 200, sent.document
        self._under_way = None
        self._note(sent.document["next_sequence"], sent.document["rows_received"])
        return True

    def _ask_for_position(self, service: ServiceProcess, address: str) -> None:
        head = ask(service, "HEAD", address)
        names = ("rowferry-next-sequence", "rowferry-rows-received")
        sequence, row_count = (int(head.headers[name]) for name in names)
        if sequence:  # else the rows ended before the answer to that was lost
            self._note(sequence, row_count)
        self.kept_rows = row_count

    def _next_body(self) -> "_Body | None":
        count = self._chance.choice([100, 1000, 3000, 10_000])
        table = _TABLE[self.kept_rows : self.kept_rows + count]
        if not table:
            return None
        if self._chance.random() < 0.5:
            content, kind = csv_text(table), CSV_TYPE
        else:
            content, kind = "".join(f"{json.dumps(row)}\n" for row in table).encode(), NDJSON_TYPE
        return _Body(sequence=self._next_sequence, content=content, kind=kind)

    def _note(self, next_sequence: int, row_count: int) -> None:
        assert next_sequence >= self._next_sequence, "an acknowledged batch is lost"
        assert row_count >= self.kept_rows, "acknowledged rows are lost"
        self._next_sequence, self.kept_rows = next_sequence, row_count


@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_killed_at_random_bodies_over_http_become_the_file_of_an_undisturbed_export(
    round_number: int, tmp_path: Path, figures: Figures
) -> None:
    chance = random.Random(round_number)
    transfer = HttpTransfer(chance.choice(["CSV", "EXCEL"]), chance)
    expected = undisturbed(ROWS, FORMATS[transfer.file_format])
    for _ in range(2):
        if not transfer.result:
            with running_service(tmp_path) as service:
                _push_until_killed(service, transfer, chance.random() * ROWS)
    with running_service(tmp_path) as service:
        if not transfer.result:
            transfer.push(service)
    assert transfer.result["records_processed"] == ROWS
    assert transfer.result["checksum_sha256"] == expected.sha256
    figures.count("random kills of bodies over HTTP", "rounds")
    figures.count("random kills of bodies over HTTP", "bodies sent again", transfer.bodies_again)


def _push_until_killed(service: ServiceProcess, transfer: HttpTransfer, wanted: float) -> None:
    """Push beside, and kill the service once it has so many rows."""
    with ThreadPoolExecutor(1) as clients:
        push = clients.submit(transfer.push, service)
        deadline = time.monotonic() + CALL_SECONDS
        while not push.done() and transfer.kept_rows < wanted and time.monotonic() < deadline:
            time.sleep(0.001)
        service.kill()
        push.result()
