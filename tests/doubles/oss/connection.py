"""A client's connection: reads requests, has them done, writes answers, fails on order."""

import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedReader
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.doubles.oss.bodies import BLOCK_BYTES, IncomingBody
from tests.doubles.oss.claims import Signable
from tests.doubles.oss.fault_effects import (
    BrokenConnectionError,
    SlowBody,
    drain,
    fail_after_work,
    fail_before_work,
)
from tests.doubles.oss.faults import Fault, FaultKind
from tests.doubles.oss.hosts import Target, target_of
from tests.doubles.oss.http_body import HttpBody, body_of
from tests.doubles.oss.journal import SeenRequest
from tests.doubles.oss.listener import Connections
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.oss_errors import OssError
from tests.doubles.oss.oss_request import Answer, OssRequest
from tests.doubles.oss.refusals import new_request_id, refusal
from tests.doubles.oss.routes import Route, route_of
from tests.doubles.oss.service import OssService

_NO_TARGET: Final = Target(bucket="", key="")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Incoming:
    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: HttpBody


@dataclass(slots=True, kw_only=True)
class _Course:
    """What became of a request."""

    began_at: float
    operation: Operation = Operation.UNKNOWN
    target: Target = _NO_TARGET
    fault: Fault | None = None
    status: int = 0
    code: str = ""


class OssConnection(BaseHTTPRequestHandler):
    """Serves one connection: as all handlers of the library, by being made."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Connections
    rfile: BufferedReader

    def __init__(self, service: OssService, *arguments: Any) -> None:  # noqa: ANN401
        self._service: Final = service
        self._buffer: Final = bytearray(BLOCK_BYTES)
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Serve a request, of whatever method."""
        incoming, course = self._read(), _Course(began_at=time.time())
        request_id = new_request_id()
        try:
            answer = self._noted_answer(incoming, course, request_id)
            self._send(answer, request_id, incoming.method, course.fault)
        except BrokenConnectionError:
            self.close_connection = True
            self.server.reset_at_end(self.connection)

    do_DELETE = do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815  as the library calls them

    def log_message(self, *arguments: object) -> None:
        """Say nothing: the journal has it all."""

    def _read(self) -> _Incoming:
        headers = {name.lower(): _utf8(value) for name, value in self.headers.items()}
        url = urlsplit(self.path)
        body = body_of(
            self.rfile,
            headers.get("content-length", ""),
            headers.get("transfer-encoding", ""),
            self._buffer,
        )
        return _Incoming(
            method=self.command,
            # Clients that use the double as their proxy write the whole URL.
            host=url.netloc or headers.get("host", ""),
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers=headers,
            body=body,
        )

    def _noted_answer(self, incoming: _Incoming, course: _Course, request_id: str) -> Answer:
        """Make the answer; who has it finds the request in the journal."""
        try:
            answer = self._answer(incoming, course, request_id)
            drain(incoming.body)
            course.status = answer.status
        finally:
            self._note(incoming, course)
        return answer

    def _answer(self, incoming: _Incoming, course: _Course, request_id: str) -> Answer:
        try:
            course.target = target_of(incoming.host, incoming.path, self._service.hosts)
            route = route_of(incoming.method, course.target, incoming.query)
            course.operation = route.operation
            course.fault = self._service.faults.strike(route.operation, course.target.key)
            return self._worked_on(incoming, course, route)
        except OssError as error:
            course.code = error.code
            return refusal(
                error, method=incoming.method, host=incoming.host, request_id=request_id
            )

    def _worked_on(self, incoming: _Incoming, course: _Course, route: Route) -> Answer:
        fault, service = course.fault, self._service
        body: IncomingBody = incoming.body
        if fault is not None:
            fail_before_work(fault, service.faults, incoming.body, self.connection)
            if fault.kind is FaultKind.SLOW_BODY:
                body = SlowBody(incoming.body, fault.bytes_per_second)
        signable = Signable(
            method=incoming.method,
            bucket=course.target.bucket,
            key=course.target.key,
            query=incoming.query,
            headers=incoming.headers,
        )
        request = OssRequest(
            method=incoming.method,
            bucket=course.target.bucket,
            key=course.target.key,
            query=incoming.query,
            headers=incoming.headers,
            body=body,
            now=service.clock.now(),
            is_signed=service.admit(signable, route.operation),
            fault=fault,
        )
        answer = route.work(service.store, request)
        return answer if fault is None else fail_after_work(fault, answer)

    def _send(self, answer: Answer, request_id: str, method: str, fault: Fault | None) -> None:
        headers = {
            "server": "AliyunOSS",
            "date": formatdate(self._service.clock.now(), usegmt=True),
            "content-length": str(answer.content_bytes),
            "x-oss-request-id": request_id,
            "x-oss-server-time": "1",
            **answer.headers,
        }
        if answer.status == HTTPStatus.NO_CONTENT:
            del headers["content-length"]
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        if method != "HEAD":
            self._send_content(answer, fault)

    def _send_content(self, answer: Answer, fault: Fault | None) -> None:
        is_cut = fault is not None and fault.kind is FaultKind.RESET_IN_BODY
        size = min(answer.content_bytes, fault.after_bytes) if fault and is_cut else None
        content = answer.content
        if isinstance(content, bytes):
            self.connection.sendall(content[:size])
        else:
            end = content.end if size is None else content.start + size
            content.body.send(self.connection, content.start, end)
        if is_cut:
            raise BrokenConnectionError

    def _note(self, incoming: _Incoming, course: _Course) -> None:
        self._service.journal.add(
            SeenRequest(
                operation=course.operation,
                bucket=course.target.bucket,
                key=course.target.key,
                host=incoming.host,
                status=course.status,
                code=course.code,
                received_bytes=incoming.body.received_bytes,
                began_at=course.began_at,
                ended_at=time.time(),
            )
        )


def _utf8(header: str) -> str:
    """Read a header as the UTF-8 that SDKs send, where the library reads Latin-1."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
