"""Bodies of the data set's rows, and a client of the HTTP door: Python's own ``http.client``."""

import csv
import gzip
import http.client
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backports import zstd
from google.protobuf import proto

from bench.dataset import COLUMNS, rows
from rowferry.v1.export_pb2 import RecordBatch
from tests.e2e.service_process import ServiceProcess
from tests.record_batches import encode_rows

CALL_SECONDS: Final = 60.0
PIECE_BYTES: Final = 50_000
CSV_TYPE: Final = "text/csv"
CSV_WITH_HEADER_TYPE: Final = "text/csv; header=present"
NDJSON_TYPE: Final = "application/x-ndjson"
FRAMES_TYPE: Final = "application/vnd.rowferry.record-batches"
_BATCH_ROWS: Final = 500

Row = Sequence[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Rows in one of the forms that the door takes."""

    content: bytes
    content_type: str
    coding: str = "identity"

    @property
    def headers(self) -> dict[str, str]:
        """The fields that say so."""
        return {"Content-Type": self.content_type, "Content-Encoding": self.coding}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    document: dict[str, Any]


def body_kinds() -> dict[str, Callable[[int], Body]]:
    """Give what makes a body of so many rows, by the name of its kind."""
    return {
        "csv": lambda count: Body(content=csv_text(rows(count)), content_type=CSV_TYPE),
        "csv with a header in another order": _permuted_csv,
        "csv in gzip": lambda count: Body(
            content=gzip.compress(csv_text(rows(count)), 1), content_type=CSV_TYPE, coding="gzip"
        ),
        "json arrays": lambda count: Body(content=_json_lines(count), content_type=NDJSON_TYPE),
        "json objects": lambda count: Body(content=_json_objects(count), content_type=NDJSON_TYPE),
        "json arrays in zstd": lambda count: Body(
            content=zstd.compress(_json_lines(count)), content_type=NDJSON_TYPE, coding="zstd"
        ),
        "frames": lambda count: Body(content=_frames(count), content_type=FRAMES_TYPE),
    }


def csv_text(table: Iterable[Row]) -> bytes:
    """Write CSV in which null is an empty field, and an empty text a quoted one."""
    lines = (
        ",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row)
        for row in table
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


def _permuted_csv(count: int) -> Body:
    names = [name for name, _ in COLUMNS]
    table = (list(row)[::-1] for row in rows(count))
    header = io.StringIO()
    csv.writer(header).writerow(names[::-1])
    content = b"\xef\xbb\xbf" + header.getvalue().encode() + csv_text(table)
    return Body(content=content, content_type=CSV_WITH_HEADER_TYPE)


def _json_lines(count: int) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(count)).encode()


def _json_objects(count: int) -> bytes:
    names = [name for name, _ in COLUMNS]
    objects = (
        {name: cell for name, cell in zip(names, row, strict=True) if cell is not None}
        for row in rows(count)
    )
    return "".join(json.dumps(row) + "\n" for row in objects).encode()


def _frames(count: int) -> bytes:
    frames = io.BytesIO()
    table = list(rows(count))
    for sequence, start in enumerate(range(0, len(table), _BATCH_ROWS), 1):
        batch = encode_rows(table[start : start + _BATCH_ROWS], sequence)
        proto.serialize_length_prefixed(RecordBatch.FromString(batch), frames)
    return frames.getvalue()


def pieces(content: bytes) -> Iterator[bytes]:
    """Cut a body into the pieces in which it is sent."""
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


def ask(
    service: ServiceProcess,
    method: str,
    target: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Make a request; a body of pieces is sent in chunks."""
    connection = http.client.HTTPConnection(service.http, timeout=CALL_SECONDS)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        text = answer.read()
        document = json.loads(text) if text else {}
        return Answer(status=answer.status, headers=fields, document=document)
    finally:
        connection.close()


def create_export(service: ServiceProcess, request_id: str, file_format: str) -> str:
    """Create an export of the data set's columns; give the address of its rows."""
    columns = [{"name": name, "data_type": kind} for name, kind in COLUMNS]
    metadata = {"format": file_format, "filename": "orders", "columns": columns}
    headers = {"Content-Type": "application/json", "Idempotency-Key": request_id}
    created = ask(service, "POST", "/v1/exports", json.dumps(metadata).encode(), headers)
    assert created.status in {200, 201}, created.document
    return f"/v1/exports/{created.document['task_id']}/rows"
