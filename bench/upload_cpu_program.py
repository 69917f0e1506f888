"""Sends a file to OSS in parts and tells what that cost its process: one way, one run.

``python -m bench.upload_cpu_program ours|oss2|oss2_crc ENDPOINT REGION BUCKET KEY_ID SECRET FILE``
prints processor seconds of all threads and seconds, in JSON.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rowferry.file_span import FileSpan
from rowferry.ports import NewObject
from rowferry.storage.aliyun_oss import AliyunOssStorage
from rowferry.storage.aliyun_oss_connection import OssBucket
from rowferry.storage.aliyun_oss_credentials import FixedOssCredentials
from rowferry.storage.lean_oss2 import oss2

PART_BYTES: Final = 10 << 20
PARALLEL_PARTS: Final = 5
KEY: Final = "exports/measured.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to send, and where."""

    endpoint: str
    region: str
    bucket: str
    key_id: str
    secret: str
    path: Path

    def spans(self) -> Sequence[tuple[int, int, int]]:
        """Give number, start and size of each part."""
        size = self.path.stat().st_size
        starts = range(0, size, PART_BYTES)
        return [(n, start, min(PART_BYTES, size - start)) for n, start in enumerate(starts, 1)]


def by_our_adapter(job: Job) -> Callable[[], None]:
    """Send it as the service does: checksums come with the bytes, from the core."""
    bucket = OssBucket(
        endpoint_url=job.endpoint,
        public_endpoint_url=job.endpoint,
        region=job.region,
        bucket=job.bucket,
        prefix="exports",
    )
    uploads = AliyunOssStorage(bucket, FixedOssCredentials(job.key_id, job.secret)).multipart
    new = NewObject(key=KEY, content_type="text/csv", content_disposition="attachment")

    def send() -> None:
        upload = uploads.start(new)

        def send_part(span: tuple[int, int, int]) -> Any:  # noqa: ANN401  a part of oss2 or ours
            number, start, size_bytes = span
            with closing(FileSpan(job.path, start, size_bytes)) as source:
                return uploads.put_part(upload, number, source)

        uploads.complete(upload, _in_parallel(send_part, job))

    return send


def by_oss2(job: Job, *, enable_crc: bool) -> Callable[[], None]:
    """Send it as oss2's documentation does, with its own checksums or without any."""
    bucket = oss2.Bucket(
        oss2.AuthV4(job.key_id, job.secret),
        job.endpoint,
        job.bucket,
        region=job.region,
        enable_crc=enable_crc,
    )

    def send() -> None:
        upload_id = bucket.init_multipart_upload(KEY).upload_id

        def send_part(span: tuple[int, int, int]) -> Any:  # noqa: ANN401  oss2 has no types
            number, start, size_bytes = span
            with job.path.open("rb") as file:
                file.seek(start)
                adapter = oss2.SizedFileAdapter(file, size_bytes)
                sent = bucket.upload_part(KEY, upload_id, number, adapter)
            return oss2.models.PartInfo(number, sent.etag, size=size_bytes, part_crc=sent.crc)

        bucket.complete_multipart_upload(KEY, upload_id, _in_parallel(send_part, job))

    return send


WAYS: Final[dict[str, Callable[[Job], Callable[[], None]]]] = {
    "ours": by_our_adapter,
    "oss2": lambda job: by_oss2(job, enable_crc=False),
    "oss2_crc": lambda job: by_oss2(job, enable_crc=True),
}


def _in_parallel(send_part: Callable[[tuple[int, int, int]], Any], job: Job) -> list[Any]:
    with ThreadPoolExecutor(PARALLEL_PARTS) as threads:
        return list(threads.map(send_part, job.spans()))


def main() -> None:
    """Run one way."""
    way, endpoint, region, bucket, key_id, secret, path = sys.argv[1:]
    job = Job(
        endpoint=endpoint,
        region=region,
        bucket=bucket,
        key_id=key_id,
        secret=secret,
        path=Path(path),
    )
    send = WAYS[way](job)
    began, cpu_began = time.perf_counter(), time.process_time()
    send()
    measured = {
        "cpu_seconds": time.process_time() - cpu_began,
        "seconds": time.perf_counter() - began,
    }
    sys.stdout.write(json.dumps(measured))


if __name__ == "__main__":
    main()
