"""The doctor tries a bucket of S3, and explains what S3 refuses."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.doctor.conftest import Doctor
from tests.servers.seaweedfs import (
    ACCESS_KEY_ID,
    READER_KEY_ID,
    REGION,
    SECRET_ACCESS_KEY,
    SeaweedServer,
)


@pytest.fixture
def settings(seaweedfs: SeaweedServer) -> Mapping[str, str]:
    return {
        "STORAGE__BACKEND": "s3",
        "S3__ENDPOINT": seaweedfs.endpoint,
        "S3__REGION": REGION,
        "S3__BUCKET": seaweedfs.create_bucket(),
        "S3__PATH_STYLE": "true",
        "S3__ACCESS_KEY_ID": ACCESS_KEY_ID,
        "S3__SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }


def test_healthy_bucket_passes_and_keeps_nothing(
    doctor: Doctor, settings: Mapping[str, str], seaweedfs: SeaweedServer
) -> None:
    diagnosis = doctor(settings)
    assert (diagnosis.exit_code, diagnosis.failed) == (0, {})
    assert diagnosis.findings["storage.link"]["message"].endswith("under its name")
    assert diagnosis.findings["clock"]["status"] == "ok"
    assert diagnosis.findings["lifecycle"]["status"] == "warning"
    client, bucket = seaweedfs.client(), settings["S3__BUCKET"]
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize(
    ("prefix", "status"), [("", "ok"), ("exports/", "ok"), ("other/", "warning")]
)
def test_rule_for_stale_uploads_is_seen_where_it_is_in_force(
    doctor: Doctor,
    settings: Mapping[str, str],
    seaweedfs: SeaweedServer,
    prefix: str,
    status: str,
) -> None:
    seaweedfs.client().put_bucket_lifecycle_configuration(
        Bucket=settings["S3__BUCKET"],
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "stale",
                    "Status": "Enabled",
                    "Filter": {"Prefix": prefix},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
                }
            ]
        },
    )
    assert doctor(settings).findings["lifecycle"]["status"] == status


@pytest.mark.parametrize(
    ("changed", "code", "advice"),
    [
        ({"S3__BUCKET": "no-such-bucket"}, "NoSuchBucket", "Make the bucket"),
        ({"S3__SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch", "secret does not belong"),
        ({"S3__ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId", "does not know"),
        ({"S3__ACCESS_KEY_ID": READER_KEY_ID}, "AccessDenied", "s3:PutObject"),
        ({"S3__ENDPOINT": "http://127.0.0.1:1"}, "EndpointConnectionError", "Nothing answers"),
    ],
)
def test_refusal_is_explained(
    doctor: Doctor,
    settings: Mapping[str, str],
    changed: Mapping[str, str],
    code: str,
    advice: str,
) -> None:
    diagnosis = doctor({**settings, **changed})
    assert diagnosis.exit_code == 1
    assert diagnosis.failed["storage.put"] == code
    assert advice in diagnosis.findings["storage.put"]["advice"]
    assert SECRET_ACCESS_KEY not in diagnosis.text
    assert "storage.delete" not in diagnosis.findings


def test_public_endpoint_that_is_away_fails_the_link_alone(
    doctor: Doctor, settings: Mapping[str, str]
) -> None:
    diagnosis = doctor({**settings, "S3__PUBLIC_ENDPOINT": "http://127.0.0.1:1"})
    assert diagnosis.failed == {"storage.link": "EndpointConnectionError"}
    assert "X-Amz-" not in diagnosis.text


def test_prefix_of_another_database_is_found(
    doctor: Doctor, settings: Mapping[str, str], seaweedfs: SeaweedServer, data: Path
) -> None:
    bucket, client = settings["S3__BUCKET"], seaweedfs.client()
    assert "storage.owner" not in doctor(settings).findings
    client.put_object(Bucket=bucket, Key="exports/database-id", Body=b"0" * 32)
    diagnosis = doctor(settings)
    assert diagnosis.failed == {"storage.owner": ""}
    identity = diagnosis.findings["database.identity"]["message"]
    assert identity in diagnosis.findings["storage.owner"]["message"]
    client.put_object(Bucket=bucket, Key="exports/database-id", Body=f"{identity}\n".encode())
    assert doctor(settings).findings["storage.owner"]["status"] == "ok"
