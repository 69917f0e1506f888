"""Valid conversations: what mutations start from. Each is what a client of that door sends."""

import gzip
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import hpack
from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame, WindowUpdateFrame

from rowferry.v1 import export_pb2 as pb

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TASK_ID: Final = "0190a0b0c0d07000800000000000000f"
_SERVICE: Final = "/rowferry.v1.ExportService"
_FRAME_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A gRPC call: its path and its messages."""

    path: str
    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def metadata(**fields: object) -> pb.ExportMetadata:
    """Describe a small CSV export that answers at once."""
    columns = [
        pb.ColumnDefinition(name="id", data_type=pb.NUMBER),
        pb.ColumnDefinition(name="name", key="name"),
        pb.ColumnDefinition(name="day", data_type=pb.DATE, format="yyyy-mm-dd"),
    ]
    common: dict[str, object] = {
        "request_id": "fuzz",
        "format": pb.CSV,
        "filename": "rows",
        "columns": columns,
        "wait_seconds": -1,
        "owner": "fuzz",
    }
    return pb.ExportMetadata(**(common | fields))  # type: ignore[arg-type]


_ROWS: Final = [pb.Record(values=["1", "Ada", "2026-01-31"]), pb.Record(values=["2", "", "x"])]
_BATCHES: Final = (
    pb.RecordBatch(records=_ROWS, batch_sequence=1),
    pb.RecordBatch(json_rows=b'[[1,"Ada",null],["2",true,"2026-01-31"]]', batch_sequence=2),
    pb.RecordBatch(csv_rows=b'1,"A ""d"" a",2026-01-31\r\n2,,\r\n', batch_sequence=3),
)


@cache
def grpc_calls() -> Sequence[Call]:
    """Give calls of every method."""
    described = pb.ExportRequest(metadata=metadata()).SerializeToString()
    batches = [pb.ExportRequest(batch=batch).SerializeToString() for batch in _BATCHES]
    finish = pb.ExportRequest(finish=pb.Finish(expected_rows=6)).SerializeToString()
    resume = pb.ExportRequest(resume=pb.Resume(task_id=TASK_ID)).SerializeToString()
    excel = pb.ExportRequest(metadata=metadata(format=pb.EXCEL, tags={"a": "b"}))
    create = pb.CreateExportRequest(metadata=metadata(), provider="none", parameters_json="{}")
    listing = pb.ListTasksRequest(states=[pb.FAILED], page_size=3, owner="fuzz")
    reflection = b"*\x00" + b"\x1a\x1erowferry.v1.ExportService.List"
    return [
        Call(path=f"{_SERVICE}/Export", messages=(described, *batches, finish)),
        Call(path=f"{_SERVICE}/Export", messages=(excel.SerializeToString(), batches[0])),
        Call(path=f"{_SERVICE}/Upload", messages=(described, *batches, finish)),
        Call(path=f"{_SERVICE}/Export", messages=(resume, batches[0])),
        _unary("CreateExport", create.SerializeToString()),
        _unary("QueryTaskStatus", pb.TaskStatusRequest(task_id=TASK_ID).SerializeToString()),
        _unary("WatchTask", pb.WatchTaskRequest(task_id=TASK_ID).SerializeToString()),
        _unary("ListTasks", listing.SerializeToString()),
        _unary("CancelTask", pb.CancelTaskRequest(task_id=TASK_ID).SerializeToString()),
        _unary("RetryTask", pb.RetryTaskRequest(task_id=TASK_ID).SerializeToString()),
        _unary("DeleteExport", pb.DeleteExportRequest(task_id=TASK_ID).SerializeToString()),
        Call(path="/grpc.health.v1.Health/Check", messages=(b"\n\x04none",)),
        Call(
            path="/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            messages=(reflection,),
        ),
    ]


def _unary(method: str, message: bytes) -> Call:
    return Call(path=f"{_SERVICE}/{method}", messages=(message,))


def http2_connection(calls: Sequence[Call]) -> bytes:
    """Write calls as one HTTP/2 connection, as a client would that reads only afterwards."""
    encoder = hpack.Encoder()
    sent = [
        PREFACE,
        SettingsFrame(0).serialize(),
        WindowUpdateFrame(0, window_increment=2**20).serialize(),
    ]
    for number, call in enumerate(calls):
        stream = 2 * number + 1
        fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", call.path),
            (":authority", "fuzz"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("grpc-timeout", "5S"),
        ]
        block = encoder.encode(fields)
        sent.append(HeadersFrame(stream, data=block, flags=["END_HEADERS"]).serialize())
        body = b"".join(struct.pack(">BL", 0, len(m)) + m for m in call.messages)
        sent += [
            DataFrame(stream, data=body[start : start + _FRAME_BYTES]).serialize()
            for start in range(0, len(body), _FRAME_BYTES)
        ]
        sent.append(DataFrame(stream, data=b"", flags=["END_STREAM"]).serialize())
    return b"".join(sent)


@cache
def http_requests() -> Sequence[Request]:
    """Give requests of every address of the HTTP port."""
    described = {
        "format": "CSV",
        "filename": "rows",
        "request_id": "fuzz-http",
        "columns": [{"name": "id", "data_type": "NUMBER"}, {"name": "name"}],
    }
    as_json = (("Content-Type", "application/json"),)
    csv = (("Content-Type", "text/csv; header=present"),)
    ndjson = (("Content-Type", "application/x-ndjson"),)
    frames = (("Content-Type", "application/vnd.rowferry.record-batches"),)
    packed = (("Content-Encoding", "gzip"),)
    batch = pb.RecordBatch(records=_ROWS).SerializeToString()
    pull = {"metadata": described, "provider": "none", "parameters": {"a": 1}}
    rows = f"/v1/exports/{TASK_ID}/rows"
    table = b'id,name\r\n1,"A ""d"" a"\r\n2,Grace\r\n'
    lines = b'[1,"Ada"]\n{"id":2,"name":null}\n'
    one_shot = "/v1/export?format=csv&columns=%5B%22id%22%2C%22name%22%5D"
    return [
        Request(method="GET", target="/v1/exports?states=FAILED&page_size=3&owner=a"),
        Request(method="GET", target=f"/v1/exports/{TASK_ID}"),
        Request(method="HEAD", target=rows),
        Request(method="OPTIONS", target="/v1/exports"),
        Request(method="GET", target="/openapi.json"),
        Request(method="GET", target="/d/5f72fd8b.WyJkZWZhdWx0Il0.TKWWVBqDSak3wsc6QN1"),
        Request(method="GET", target=f"/v1/exports/{TASK_ID}/events"),
        Request(method="DELETE", target=f"/v1/exports/{TASK_ID}"),
        _post(f"/v1/exports/{TASK_ID}/cancel", as_json, b'{"reason": "enough"}'),
        _post(f"/v1/exports/{TASK_ID}/retry", (), b""),
        _post(f"/v1/exports/{TASK_ID}/finish", as_json, b'{"expected_rows": 2}'),
        _post("/v1/exports", as_json, json.dumps(described).encode()),
        _post("/v1/exports", as_json, json.dumps(pull).encode()),
        Request(method="PUT", target=f"{rows}?seq=1&finish=true", headers=csv, body=table),
        _post("/v1/export?format=csv&filename=a", csv, table),
        _post("/v1/export?format=xlsx&filename=a", csv + packed, gzip.compress(table, mtime=0)),
        _post(one_shot, ndjson, lines),
        _post(one_shot, ndjson + packed, gzip.compress(lines, mtime=0)),
        _post(one_shot, frames, bytes([len(batch)]) + batch),
    ]


def _post(target: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Request:
    return Request(method="POST", target=target, headers=headers, body=body)


def http_bytes(request: Request) -> bytes:
    """Write a request that is the last of its connection."""
    fields = [("Host", "fuzz"), ("Connection", "close"), *request.headers]
    if request.body:
        fields.append(("Content-Length", str(len(request.body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    line = f"{request.method} {request.target} HTTP/1.1\r\n"
    return f"{line}{head}\r\n".encode("utf-8", "surrogateescape") + request.body


def websocket_handshake(path: str, subprotocol: str) -> bytes:
    """Write the request of a WebSocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: fuzz\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
    ).encode()


def websocket_frame(opcode: int, payload: bytes) -> bytes:
    """Write a final, masked frame (RFC 6455 §5.2); the mask is of zeros."""
    length = len(payload)
    if length < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
    else:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, length)
    return head + bytes(4) + payload


TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
Frames = tuple[tuple[int, bytes], ...]


@cache
def ingest_frames() -> Sequence[Frames]:
    """Give conversations of the WebSocket door, without their closing frame."""
    described = {
        "type": "metadata",
        "metadata": {
            "request_id": "fuzz-websocket",
            "format": "CSV",
            "filename": "rows",
            "wait_seconds": -1,
            "columns": [{"name": "id"}, {"name": "name"}, {"name": "day"}],
        },
    }
    batches = [(BINARY, batch.SerializeToString()) for batch in _BATCHES]
    finish = (TEXT, b'{"type":"finish","expected_rows":6}')
    first = (TEXT, json.dumps(described).encode())
    resume = (TEXT, b'{"type":"resume","task_id":"%s"}' % TASK_ID.encode())
    auth = (TEXT, b'{"type":"auth","token":"x"}')
    return [(first, *batches, finish), (resume, batches[0]), (auth, first, finish), (first,)]


@cache
def progress_frames() -> Sequence[Frames]:
    """Give conversations of the progress WebSocket, without their closing frame."""
    one = b'{"type":"subscribe","task_ids":["%s"]}' % TASK_ID.encode()
    every = b'{"type":"subscribe","all":true,"states":["FAILED"],"owner":"fuzz"}'
    none = b'{"type":"unsubscribe","all":true}'
    return [
        ((TEXT, one), (TEXT, every), (TEXT, none)),
        ((TEXT, b'{"type":"auth","token":"x"}'), (TEXT, one)),
        ((9, b"ping"), (TEXT, every)),
    ]


def written_frames(frames: Frames) -> bytes:
    """Write frames and the closing one."""
    closing = websocket_frame(CLOSE, struct.pack(">H", 1000))
    return b"".join(websocket_frame(*frame) for frame in frames) + closing
