"""What S3 answers becomes the fault that says what helps; nothing is asked twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import pytest

from rowferry.domain.errors import ErrorCode
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.ports import NewObject, Part, Upload
from rowferry.storage.s3 import S3Storage
from rowferry.storage.s3_connection import S3Bucket
from tests.servers.answering_http import serving

KEY = "exports/task/1.csv"
UPLOAD = Upload(key=KEY, upload_id="upload-1")
PART = Part(number=1, size_bytes=5, etag='"tag"')


@dataclass
class Answering:
    """A server that gives every request the same answer, or ends the connection without one."""

    address: str
    status: int = 200
    body: bytes = b""
    declared_bytes: int | None = None
    silent: bool = False
    requests: list[str] = field(default_factory=list)

    def refuse(self, status: int, code: str) -> None:
        self.status = status
        self.body = f"<Error><Code>{code}</Code><Message>secret words</Message></Error>".encode()

    @property
    def storage(self) -> S3Storage:
        return S3Storage(
            S3Bucket(
                endpoint_url=self.address,
                region="us-east-1",
                bucket="bucket",
                prefix="exports",
                path_style=True,
                access_key_id="id",
                secret_access_key="key",  # noqa: S106  nobody's
            )
        )


@pytest.fixture
def server() -> Iterator[Answering]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answering.requests.append(f"{self.command} {self.headers['Authorization']}")
            self.close_connection = True
            if answering.silent:
                return
            self.send_response(answering.status)
            declared = answering.declared_bytes or len(answering.body)
            self.send_header("Content-Length", str(declared))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answering.body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815  its names

    with serving(Handler) as address:
        answering = Answering(address)
        yield answering


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (500, "InternalError", FaultKind.TRANSIENT),
        (503, "SlowDown", FaultKind.TRANSIENT),
        (503, "ServiceUnavailable", FaultKind.TRANSIENT),
        (502, "whatever a proxy says", FaultKind.TRANSIENT),
        (429, "TooManyRequests", FaultKind.TRANSIENT),
        (400, "RequestTimeout", FaultKind.TRANSIENT),
        (409, "OperationAborted", FaultKind.TRANSIENT),
        (400, "ExpiredToken", FaultKind.TOKEN_EXPIRED),
        (403, "RequestTimeTooSkewed", FaultKind.CLOCK_SKEWED),
        (404, "NoSuchUpload", FaultKind.UPLOAD_GONE),
        (400, "InvalidPart", FaultKind.PART_LOST),
        (412, "PreconditionFailed", FaultKind.ALREADY_THERE),
        (403, "AccessDenied", FaultKind.REFUSED),
        (404, "NoSuchBucket", FaultKind.REFUSED),
        (400, "EntityTooSmall", FaultKind.REFUSED),
        (501, "NotImplemented", FaultKind.REFUSED),
    ],
)
def test_answer_of_the_storage_has_its_kind(
    server: Answering, status: int, reason: str, kind: FaultKind
) -> None:
    server.refuse(status, reason)
    with pytest.raises(StorageFault) as fault:
        server.storage.multipart.complete(UPLOAD, [PART])
    assert (fault.value.kind, fault.value.reason) == (kind, reason)
    assert "secret words" not in f"{fault.value} {fault.value.context}"
    assert len(server.requests) == 1


@pytest.mark.parametrize("reason", ["NoSuchUpload", "InvalidPart", "BadDigest"])
def test_failure_of_the_upload_alone_is_told_from_one_of_the_storage(
    server: Answering, reason: str
) -> None:
    server.refuse(400, reason)
    with pytest.raises(StorageFault) as fault:
        server.storage.multipart.complete(UPLOAD, [PART])
    assert fault.value.code is ErrorCode.UPLOAD_FAILED


def test_error_under_a_status_of_success_is_none(server: Answering) -> None:
    server.refuse(200, "InternalError")  # how S3 ends a complete that took long
    with pytest.raises(StorageFault) as fault:
        server.storage.multipart.complete(UPLOAD, [PART])
    assert (fault.value.kind, fault.value.reason) == (FaultKind.TRANSIENT, "InternalError")


def test_connection_that_ends_without_an_answer_passes(server: Answering) -> None:
    server.silent = True
    with pytest.raises(StorageFault) as fault:
        server.storage.multipart.start(
            NewObject(key=KEY, content_type="text/csv", content_disposition="attachment")
        )
    assert fault.value.kind is FaultKind.TRANSIENT
    assert len(server.requests) == 1


def test_download_that_breaks_off_is_no_end(server: Answering) -> None:
    server.body, server.declared_bytes = b"half", 8
    stream = server.storage.open_range(KEY, 0)
    assert stream.read(4) == b"half"
    with pytest.raises(StorageFault) as fault:
        stream.read(4)
    assert fault.value.kind is FaultKind.TRANSIENT
    stream.close()


def test_upload_that_is_gone_is_as_good_as_aborted(server: Answering) -> None:
    server.refuse(404, "NoSuchUpload")
    server.storage.multipart.abort(UPLOAD)


def test_expired_credentials_are_looked_for_anew(
    server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = S3Storage(
        S3Bucket(
            endpoint_url=server.address,
            region="r",
            bucket="bucket",
            prefix="exports",
            path_style=True,
        )
    )
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    for number, answer in ((1, "ExpiredToken"), (2, "AccessDenied")):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"id-{number}")
        server.refuse(403, answer)
        with pytest.raises(StorageFault):
            storage.health()
    assert [f"id-{number}/" in server.requests[number - 1] for number in (1, 2)] == [True, True]


def test_storage_without_credentials_is_refused_unasked(
    server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StorageFault) as fault:
        S3Storage(
            S3Bucket(endpoint_url=server.address, region="r", bucket="b", prefix="p")
        ).health()
    assert (fault.value.kind, fault.value.reason) == (FaultKind.REFUSED, "NoCredentialsError")
    assert server.requests == []


@pytest.mark.parametrize(
    "rules",
    [
        "",
        # as Google Cloud Storage writes them
        "<Rule><Action><AbortIncompleteMultipartUpload/></Action></Rule>",
    ],
)
def test_rules_in_other_words_are_none(server: Answering, rules: str) -> None:
    server.body = f"<LifecycleConfiguration>{rules}</LifecycleConfiguration>".encode()
    assert server.storage.multipart.stale_upload_days("exports") is None
