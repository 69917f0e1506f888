"""Links to files in a bucket: through the service, past it, and from the bucket at once."""

import hashlib
import shutil
import subprocess
import urllib.error
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import trio
from werkzeug.http import parse_options_header

from rowferry.client import RowferryError
from rowferry.client.service_calls import ServiceCalls
from rowferry.doors import Addresses
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.doubles.oss.orders import SetBucket
from tests.doubles.oss.running import OssDouble
from tests.record_batches import encode_rows

if TYPE_CHECKING:
    from tests.integration.service.conftest import Configure, RunService

    ServeBucket = Callable[..., AbstractAsyncContextManager[ServiceCalls]]

MakeMetadata = Callable[..., pb.ExportMetadata]
Download = Callable[[str], Awaitable[tuple[bytes, str]]]
FILENAMES = [
    "\u62a5\u8868 2026\uff08\u6d4b\u8bd5\uff09",
    "\U0001f4e6 boxes \U0001f680",
    '"it\'s" 100% (a*b)! ; filename=x',
    "n" * 200,
    "\u6587" * 80,
]


@pytest.fixture
def serve_bucket(
    configure: "Configure",
    run_service: "RunService",
    connect_to: Callable[[Addresses], AbstractAsyncContextManager[ServiceCalls]],
    oss_double: OssDouble,
) -> "ServeBucket":
    """Run a service whose files go to the OSS double, with some settings of ``[storage]``."""

    @asynccontextmanager
    async def served(
        *, public_bucket: bool = False, **storage: object
    ) -> AsyncIterator[ServiceCalls]:
        oss = {
            "endpoint": oss_double.endpoint,
            "region": oss_double.region,
            "bucket": oss_double.bucket,
            "access_key_id": oss_double.access_key_id,
            "access_key_secret": oss_double.access_key_secret,
            "public_bucket": public_bucket,
        }
        config = configure(storage={"backend": "oss", **storage}, oss=oss)
        async with run_service(config) as addresses, connect_to(addresses) as client:
            yield client

    return served


@pytest.fixture
def public_bucket(oss_double: OssDouble) -> Iterator[None]:
    """Let anybody read the bucket."""
    oss_double.order(SetBucket(name=oss_double.bucket, public_read=True))
    yield
    oss_double.order(SetBucket(name=oss_double.bucket, public_read=False))


async def _export(client: ServiceCalls, metadata: pb.ExportMetadata) -> pb.ExportResult:
    result = await export_batches(client, metadata, [encode_rows([("1", "Ada"), ("2", "Bob")], 1)])
    assert result.status == pb.COMPLETED, result
    return result


@pytest.mark.parametrize("filename", FILENAMES, ids=range(len(FILENAMES)))
@pytest.mark.parametrize("storage", [{}, {"proxy_downloads": True}, {"direct_links": True}])
async def test_file_comes_from_the_bucket_under_its_name(
    serve_bucket: "ServeBucket",
    make_metadata: MakeMetadata,
    download: Download,
    storage: dict[str, object],
    filename: str,
) -> None:
    async with serve_bucket(**storage) as client:
        result = await _export(client, make_metadata(filename=filename))
        content, disposition = await download(result.oss_url)
    assert hashlib.sha256(content).hexdigest() == result.checksum_sha256
    assert parse_options_header(disposition) == ("attachment", {"filename": f"{filename}.csv"})


async def test_filename_that_would_break_a_header_is_refused(
    serve_bucket: "ServeBucket", make_metadata: MakeMetadata
) -> None:
    async with serve_bucket() as client:
        with pytest.raises(RowferryError) as refused:
            await _export(client, make_metadata(filename="a\r\nset-cookie: b"))
    assert refused.value.code == "INVALID_METADATA"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize(
    ("proxied", "statuses"), [(False, ["302", "206"]), (True, ["206"])], ids=["led", "proxied"]
)
async def test_curl_gets_a_range_and_the_whole_under_its_name(
    serve_bucket: "ServeBucket",
    make_metadata: MakeMetadata,
    tmp_path: Path,
    proxied: bool,  # noqa: FBT001  a parameter of the test
    statuses: list[str],
) -> None:
    async with serve_bucket(proxy_downloads=proxied) as client:
        result = await _export(client, make_metadata(filename="orders"))
        base = ["curl", "-sS", "--fail", "-L", "-D", "-"]
        ranged = [*base, "-r", "-5", "-o", "tail", result.oss_url]
        answers = await trio.run_process(ranged, cwd=tmp_path, capture_stdout=True)
        saved = [*base, "-O", "-J", result.oss_url]
        await trio.run_process(saved, cwd=tmp_path, stdout=subprocess.DEVNULL)
    lines = answers.stdout.decode().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("HTTP/")] == statuses
    content = (tmp_path / "orders.csv").read_bytes()
    assert (tmp_path / "tail").read_bytes() == content[-5:]
    assert hashlib.sha256(content).hexdigest() == result.checksum_sha256


async def test_direct_link_is_signed_for_as_long_as_the_task_says(
    serve_bucket: "ServeBucket", make_metadata: MakeMetadata, oss_double: OssDouble
) -> None:
    async with serve_bucket(direct_links=True, link_expiry_seconds=90 * 86_400) as client:
        result = await _export(client, make_metadata())
        again = await client.status(result.task_id)
    address = urlsplit(result.oss_url)
    assert address.netloc == oss_double.address
    seconds = int(parse_qs(address.query)["x-oss-expires"][0])
    assert 604_700 <= seconds <= 604_800
    kept = again.link_expires.ToDatetime() - again.completion_time.ToDatetime()
    assert kept.total_seconds() == pytest.approx(604_800, abs=1)


@pytest.mark.usefixtures("public_bucket")
async def test_direct_link_to_a_public_bucket_needs_no_signature(
    serve_bucket: "ServeBucket", make_metadata: MakeMetadata, download: Download
) -> None:
    async with serve_bucket(direct_links=True, public_bucket=True) as client:
        result = await _export(client, make_metadata())
        content, _ = await download(result.oss_url)
    assert "?" not in result.oss_url
    assert hashlib.sha256(content).hexdigest() == result.checksum_sha256


@pytest.mark.parametrize("storage", [{}, {"direct_links": True}])
async def test_deleting_the_export_revokes_its_link(
    serve_bucket: "ServeBucket",
    make_metadata: MakeMetadata,
    download: Download,
    oss_double: OssDouble,
    storage: dict[str, object],
) -> None:
    async with serve_bucket(**storage) as client:
        result = await _export(client, make_metadata())
        await client.delete(result.task_id)
        with pytest.raises(urllib.error.HTTPError) as gone:
            await download(result.oss_url)
        gone.value.close()
    assert gone.value.code in {404, 410}
    keys = [found.key for found in oss_double.snapshot().objects]
    assert not [key for key in keys if result.task_id in key]


@pytest.mark.parametrize("storage", [{}, {"proxy_downloads": True}, {"direct_links": True}])
async def test_log_has_neither_token_nor_signature(
    serve_bucket: "ServeBucket",
    make_metadata: MakeMetadata,
    download: Download,
    data_directory: Path,
    storage: dict[str, object],
) -> None:
    async with serve_bucket(**storage) as client:
        result = await _export(client, make_metadata())
        await download(result.oss_url)
    log = (data_directory.parent / "log.jsonl").read_text()
    assert result.task_id in log
    address = urlsplit(result.oss_url)
    for secret in ("/d/", "signature", address.query or address.path.rpartition("/")[2]):
        assert secret not in log.lower()
