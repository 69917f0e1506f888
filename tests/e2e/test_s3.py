"""The service with its files in S3: the same bytes, behind a link, and nothing else left there."""

import json
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.conftest import Measured
from tests.e2e.service_process import ServiceProcess, running_service
from tests.servers.seaweedfs import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SeaweedServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ROWS: Final = 120_000
MIB: Final = 1 << 20


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of 16 MiB, which goes in three parts of 5 MiB and a rest."""
    file = tmp_path / "orders.csv"
    padding = "x" * 110
    lines = (f"{number},订单 {number},{padding}\n" for number in range(ROWS))
    file.write_text("id,name,note\n" + "".join(lines), "utf-8")
    return file


def exported(service: ServiceProcess, rows: Path, folder: Path) -> tuple[Mapping[str, Any], bytes]:
    """Export a CSV file and download it by its link."""
    output = folder / "downloaded.csv"
    command = [sys.executable, "-m", "rowferry", "export", str(rows), "--format", "csv"]
    options = ["--json", "--address", service.grpc, "--output", str(output)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]), output.read_bytes()


def test_file_goes_to_s3_in_parts_and_comes_back_by_its_link(
    seaweedfs: SeaweedServer, tmp_path: Path, rows: Path, measured: Measured
) -> None:
    bucket = seaweedfs.create_bucket()
    settings = {
        "storage.backend": "s3",
        "s3.endpoint": seaweedfs.endpoint,
        "s3.region": REGION,
        "s3.bucket": bucket,
        "s3.path_style": True,
        "s3.access_key_id": ACCESS_KEY_ID,
        "s3.secret_access_key": SECRET_ACCESS_KEY,
        "s3.part_bytes": 5 * MIB,
    }
    data = {name: tmp_path / name for name in ("in_s3", "here")}
    for folder in data.values():
        folder.mkdir()
    with running_service(data["in_s3"], settings, measured=True) as service:
        measured("ready, with storage in S3", f"{service.ready_resident_bytes / 1e6:.0f} MB")
        answer, body = exported(service, rows, tmp_path)
        uploaded = service.log.wait_for("OSSUploadCompleted")
        measured("one export to S3, at most", f"{service.peak_resident_bytes / 1e6:.0f} MB")
    with running_service(data["here"]) as service:
        assert exported(service, rows, tmp_path)[1] == body
    assert uploaded["parts"] >= 3

    client = seaweedfs.client()
    stored = [found["Key"] for found in client.list_objects_v2(Bucket=bucket)["Contents"]]
    [key] = [key for key in stored if key != "exports/database-id"]
    assert key.split("/")[1] == answer["task_id"]
    assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    tags = client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    assert {"Key": "rowferry-sha256", "Value": sha256(body).hexdigest()} in tags
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
