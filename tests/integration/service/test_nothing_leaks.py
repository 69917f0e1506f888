"""A service that does everything it can, with marked secrets: none of them is written anywhere.

What is searched: the log at its loudest, the audit log, standard output and error, the metrics,
answers to calls that go wrong, and the database. Rows are marked too: they belong into spools and
files; whoever sent a row that can't be read is told its beginning, and never a whole cell.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import trio

from rowferry.access.token_file import create_token, revoke_token
from rowferry.client import RowferryError
from rowferry.client.service_calls import open_calls
from rowferry.config_groups import SqlQuerySettings
from rowferry.config_security import SecurityClient
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.doubles.oss.faults import Fault, FaultKind
from tests.doubles.oss.running import ACCESS_KEY_SECRET, OssDouble
from tests.integration.service.access_matrix import WEBSOCKET_CALLS, call_websocket
from tests.record_batches import encode_rows

if TYPE_CHECKING:
    from rowferry.doors import Addresses
    from tests.integration.service.conftest import Configure, RunService

CELL_BEGINNING: Final = "CELLMARK7c1f"
CELL: Final = CELL_BEGINNING + 60 * "x"
LINK_SECRET: Final = "LINKMARK7c1f-of-some-length"  # noqa: S105
PASSWORD: Final = "PASSMARK7c1f"  # noqa: S105
SIGNED: Final = "x-oss-signature"
OSS_SECRET: Final = ACCESS_KEY_SECRET
EVERY_DOOR: Final = ("grpc", "http", "websocket", "metrics")
COLUMNS: Final = [
    {"name": "id", "key": "id", "data_type": "NUMBER"},
    {"name": "text", "key": "text"},
    {"name": "day", "key": "day", "data_type": "DATE"},
]
FORMATS: Final = (pb.CSV, pb.EXCEL)
GOOD_ROW: Final = ("1", CELL, "2026-05-01")
BAD_BODIES: Final = {
    "text/csv": [f'1,"{CELL}\n', f"1,{CELL},2026-05-01,{CELL}\n", f'1,{CELL}"x"{CELL},\n'],
    "application/x-ndjson": [
        f'{{"id": 1, "text": "{CELL}", "{CELL}": 1}}\n',
        f'["{CELL}"\n',
        f'{{"text": {{"{CELL}": 1}}}}\n',
        f'"{CELL}"\n',
    ],
    "application/vnd.rowferry.record-batches": [f"\x7f{CELL}"],
    f"text/{CELL}": ["x"],
}


class Heard:
    """What callers were told."""

    def __init__(self) -> None:
        self.answers: list[str] = []

    async def ask(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Make a request and keep the answer, whatever it is."""

        def blocking() -> tuple[int, str]:
            request = urllib.request.Request(  # noqa: S310  our own service
                url, data=body, method=method, headers=dict(headers or {})
            )
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                    return answer.status, answer.read().decode("utf-8", "replace")
            except urllib.error.HTTPError as refusal:
                return refusal.code, refusal.read().decode("utf-8", "replace")

        status, text = await trio.to_thread.run_sync(blocking)
        if status >= 400:
            self.answers.append(text)
        return status, text


async def use_grpc(
    addresses: "Addresses",
    token: str,
    heard: Heard,
    *,
    name: str = "grpc",
    formats: Sequence[pb.Format] = FORMATS,
) -> str:
    """Export well and badly; give the link of what was exported."""
    host, _, port = addresses.grpc.rpartition(":")
    columns = [pb.ColumnDefinition(name="id", data_type=pb.NUMBER), *map(_column, "td")]
    link = ""
    async with open_calls(host, int(port), token=token) as client:
        for number, cells in enumerate([GOOD_ROW, (CELL, CELL, CELL), (CELL,) * 9]):
            for file_format in formats:
                metadata = pb.ExportMetadata(
                    request_id=f"{name} {number} {file_format}",
                    format=file_format,
                    filename="orders",
                    columns=columns,
                    wait_seconds=20,
                )
                try:
                    result = await export_batches(client, metadata, [encode_rows([cells], 1)])
                    heard.answers.append(result.error_message)
                    link = result.oss_url or link
                except RowferryError as error:
                    heard.answers.append(f"{error} {error.__dict__}")
    return link


def _column(name: str) -> pb.ColumnDefinition:
    return pb.ColumnDefinition(name=name)


async def use_http(addresses: "Addresses", token: str, heard: Heard) -> None:
    """Send good and bad bodies of every kind, ask for what is not there, pull from nowhere."""
    base = f"http://{addresses.http}"
    bearer = {"Authorization": f"Bearer {token}"}
    as_json = {**bearer, "Content-Type": "application/json"}
    bodies = [(kind, body) for kind, of_kind in BAD_BODIES.items() for body in of_kind]
    bodies.append(("text/csv", ",".join(GOOD_ROW) + "\n"))
    for number, (kind, body) in enumerate(bodies):
        metadata = {
            "request_id": f"http {number}",
            "format": "CSV",
            "filename": "orders",
            "columns": COLUMNS,
        }
        wanted = json.dumps({"metadata": metadata}).encode()
        _, created = await heard.ask(f"{base}/v1/exports", "POST", wanted, as_json)
        task_id = json.loads(created)["task_id"]
        rows = f"{base}/v1/exports/{task_id}/rows?finish=true"
        fields = {**bearer, "Content-Type": kind}
        await heard.ask(rows, "PUT", body.encode("latin-1"), fields)
        await heard.ask(f"{base}/v1/exports/{task_id}", headers=bearer)
        await heard.ask(f"{base}/v1/exports/{task_id}/cancel", "POST", b"", bearer)
    pulled = {"request_id": "pull", "format": "CSV", "filename": "a"}
    asked = json.dumps({"metadata": pulled, "provider": "nowhere"}).encode()
    await heard.ask(f"{base}/v1/exports", "POST", asked, as_json)
    await heard.ask(f"{base}/v1/exports", "POST", f'{{"{CELL}'.encode(), as_json)
    for wrong in (f"/v1/exports?token={token}", f"/v1/exports/{token}", f"/d/{token}"):
        await heard.ask(base + wrong, headers=bearer)


async def use_websocket(addresses: "Addresses", token: str, heard: Heard) -> None:
    """Show tokens in every way, and send what can't be understood."""
    for shown in (token, token[:-2], token + CELL):
        for call in WEBSOCKET_CALLS:
            address = getattr(addresses, call.port)
            with trio.fail_after(20):
                heard.answers.append(await call_websocket(address, call, "nobody's", shown))


@pytest.mark.timeout(90)
async def test_secrets_and_cells_are_nowhere_but_where_they_belong(
    configure: "Configure",
    run_service: "RunService",
    oss_double: OssDouble,
    data_directory: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    now = datetime.now(UTC)
    file = data_directory / "tokens.json"
    token = create_token(file, "shop", now=now).text
    revoked = create_token(file, "shop", now=now)
    revoke_token(file, revoked.record.id, now=now)
    audit_path, log_path = (data_directory.parent / name for name in ("audit.jsonl", "log.jsonl"))
    nowhere = SqlQuerySettings(
        name="nowhere",
        statement="SELECT 1",
        url=f"postgresql+psycopg://user:{PASSWORD}@127.0.0.1:1/nowhere",
    )
    config = configure(
        logging={"level": "debug"},
        security={
            "auth_enabled": True,
            "clients": (SecurityClient(name="shop", doors=EVERY_DOOR),),
            "link_secret": LINK_SECRET,
            "audit_log": str(audit_path),
        },
        providers={"sql_queries": (nowhere,)},
        storage={"backend": "oss"},
        oss={
            "endpoint": oss_double.endpoint,
            "region": oss_double.region,
            "bucket": oss_double.bucket,
            "access_key_id": oss_double.access_key_id,
            "access_key_secret": OSS_SECRET,
            "max_retries": 0,
            "upload_timeout_seconds": 3,
        },
        retry={"max_attempts": 1},
    )
    heard = Heard()
    async with run_service(config) as addresses:
        link = await use_grpc(addresses, token, heard)
        status, _ = await heard.ask(link)  # led to the bucket by a signed address
        assert status == 200
        oss_double.fail(Fault(kind=FaultKind.ERROR, count=0))
        await use_grpc(addresses, token, heard, name="failing storage", formats=[pb.CSV])
        oss_double.heal()
        await use_http(addresses, token, heard)
        await use_websocket(addresses, token, heard)
        for wrong in (revoked.text, token[:-1], CELL):
            bearer = {"Authorization": f"Bearer {wrong}"}
            await heard.ask(f"http://{addresses.http}/v1/exports", headers=bearer)
        bearer = {"Authorization": f"Bearer {token}"}
        _, metrics = await heard.ask(f"http://{addresses.metrics}/metrics", headers=bearer)
    printed = capfd.readouterr()
    sealed = link.rpartition("/")[2]
    secrets = [token, revoked.text, sealed, LINK_SECRET, PASSWORD, OSS_SECRET, SIGNED]
    written = {
        "log": log_path.read_text(),
        "audit log": audit_path.read_text(),
        "standard output": printed.out,
        "standard error": printed.err,
        "metrics": metrics,
        "answers": "\n".join(heard.answers),
        "database": _database(data_directory),
    }
    found = [
        (place, line[:500])
        for place, text in written.items()
        for line in text.splitlines()
        if any(mark in line for mark in [*secrets, CELL if place == "answers" else CELL_BEGINNING])
    ]
    assert found == []
    actions = {json.loads(line)["action"] for line in written["audit log"].splitlines()}
    assert actions == {"create", "cancel", "download", "enter"}
    assert '"TaskFailed"' in written["log"]
    assert len(heard.answers) > 20


def _database(folder: Path) -> str:
    """Read the database's bytes, whatever is in them."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.glob("rowferry.db*"))
