"""A server that is not OSS, or not whole, is no success."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Final

import pytest

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.ports import NewObject
from rowferry.storage.aliyun_oss import AliyunOssStorage
from rowferry.storage.aliyun_oss_connection import OssBucket
from rowferry.storage.aliyun_oss_credentials import FixedOssCredentials
from tests.servers.answering_http import serving

KEY: Final = "exports/0123456789abcdef/1.csv"
Call = Callable[[AliyunOssStorage], object]


@pytest.fixture(params=[b"<html><p>Welcome</html>", b"<html/>", b"", b"\xff\xfe"])
def portal(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that says 200 and the same to all: its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(request.param)))
            self.end_headers()
            self.wfile.write(request.param)

        def do_POST(self) -> None:
            self.do_GET()

    with serving(Handler) as address:
        yield address


@pytest.mark.parametrize(
    "call",
    [
        lambda storage: list(storage.objects("exports")),
        lambda storage: list(storage.multipart.uploads("exports")),
        lambda storage: storage.health(),
        lambda storage: storage.multipart.start(
            NewObject(key=KEY, content_type="text/csv", content_disposition="attachment")
        ),
        lambda storage: storage.open_range(KEY, 5),
    ],
    ids=["objects", "uploads", "health", "start", "open_range"],
)
def test_answer_that_is_none_of_oss_is_a_fault(
    bucket: OssBucket, keys: FixedOssCredentials, portal: str, call: Call
) -> None:
    storage = AliyunOssStorage(replace(bucket, endpoint_url=portal), keys)
    with pytest.raises(StorageFault) as fault:
        call(storage)
    assert fault.value.kind is FaultKind.TRANSIENT
