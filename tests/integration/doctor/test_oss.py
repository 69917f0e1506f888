"""The doctor tries a bucket of OSS, and explains what OSS refuses."""

from collections.abc import Callable, Mapping

import pytest

from rowferry.storage.lean_oss2 import oss2
from tests.doubles.oss.faults import Fault, FaultKind
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.running import OssDouble
from tests.integration.doctor.conftest import Doctor


@pytest.fixture
def settings(oss_double: OssDouble) -> Mapping[str, str]:
    return {
        "STORAGE__BACKEND": "oss",
        "OSS__ENDPOINT": oss_double.endpoint,
        "OSS__REGION": oss_double.region,
        "OSS__BUCKET": oss_double.bucket,
        "OSS__ACCESS_KEY_ID": oss_double.access_key_id,
        "OSS__ACCESS_KEY_SECRET": oss_double.access_key_secret,
    }


def test_healthy_bucket_passes_and_keeps_nothing(
    doctor: Doctor, settings: Mapping[str, str], oss_double: OssDouble
) -> None:
    diagnosis = doctor(settings)
    assert (diagnosis.exit_code, diagnosis.failed) == (0, {})
    assert diagnosis.findings["storage.link"]["message"].endswith("under its name")
    assert diagnosis.findings["lifecycle"]["status"] == "warning"
    there = oss_double.snapshot()
    assert (list(there.objects), list(there.uploads)) == ([], [])


@pytest.mark.parametrize(
    ("prefix", "enabled", "status"),
    [("exports/", True, "ok"), ("exports/", False, "warning"), ("other/", True, "warning")],
)
def test_rule_for_stale_uploads_is_seen_where_it_is_in_force(
    doctor: Doctor,
    settings: Mapping[str, str],
    oss_double: OssDouble,
    prefix: str,
    *,
    enabled: bool,
    status: str,
) -> None:
    state = "Enabled" if enabled else "Disabled"
    gone = oss2.models.AbortMultipartUpload(days=3)
    rule = oss2.models.LifecycleRule("stale", prefix, state, abort_multipart_upload=gone)
    auth = oss2.AuthV4(oss_double.access_key_id, oss_double.access_key_secret)
    bucket = oss2.Bucket(auth, oss_double.endpoint, oss_double.bucket, region=oss_double.region)
    bucket.put_bucket_lifecycle(oss2.models.BucketLifecycle([rule]))
    assert doctor(settings).findings["lifecycle"]["status"] == status


def refused(operation: Operation, status: int, code: str, *, skip: int = 0) -> Fault:
    return Fault(
        kind=FaultKind.ERROR, operation=operation, status=status, code=code, count=0, skip=skip
    )


@pytest.mark.parametrize(
    ("fault", "check", "advice"),
    [
        (
            refused(Operation.GET, 400, "PublicEndpointForbidden", skip=1),
            "storage.link",
            "oss.cname = true",
        ),
        (refused(Operation.PUT, 403, "AccessDenied"), "storage.put", "oss:PutObject"),
        (refused(Operation.PUT, 403, "AccessForbidden"), "storage.put", "a Deny"),
        (refused(Operation.PUT, 403, "SecurityTokenExpired"), "storage.put", "STS"),
        (refused(Operation.PUT, 403, "UserDisable"), "storage.put", "bills"),
        (
            refused(Operation.PUT_TAGGING, 403, "AccessDenied"),
            "storage.tag",
            "oss:PutObjectTagging",
        ),
        (refused(Operation.PUT, 418, "Teapot"), "storage.put", "documentation"),
    ],
)
def test_refusal_is_explained(
    doctor: Doctor,
    settings: Mapping[str, str],
    oss_double: OssDouble,
    fault: Fault,
    check: str,
    advice: str,
) -> None:
    oss_double.fail(fault)
    diagnosis = doctor(settings)
    assert diagnosis.exit_code == 1
    assert diagnosis.failed[check] == fault.code
    assert advice in diagnosis.findings[check]["advice"]
    assert oss_double.access_key_secret not in diagnosis.text
    assert "x-oss-signature" not in diagnosis.text


@pytest.mark.parametrize(
    ("harm", "changed", "code"),
    [
        (lambda double: double.lose_bucket(), {}, "NoSuchBucket"),
        (lambda double: double.move_clock(1200), {}, "RequestTimeTooSkewed"),
        (lambda _: None, {"OSS__ACCESS_KEY_SECRET": "wrong"}, "SignatureDoesNotMatch"),
        (lambda _: None, {"OSS__ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId"),
        (lambda _: None, {"OSS__ENDPOINT": "http://127.0.0.1:1"}, "EndpointConnectionError"),
    ],
)
def test_cause_of_a_failure_is_named(
    doctor: Doctor,
    settings: Mapping[str, str],
    oss_double: OssDouble,
    harm: Callable[[OssDouble], None],
    changed: Mapping[str, str],
    code: str,
) -> None:
    harm(oss_double)
    diagnosis = doctor({**settings, **changed})
    assert diagnosis.exit_code == 1
    assert diagnosis.failed["storage.put"] == code
    assert diagnosis.failed["multipart.start"] == code


def test_clock_that_is_off_is_told(
    doctor: Doctor, settings: Mapping[str, str], oss_double: OssDouble
) -> None:
    oss_double.move_clock(1200)
    clock = doctor(settings).findings["clock"]
    assert (clock["status"], clock["code"]) == ("failed", "RequestTimeTooSkewed")
    assert clock["message"].startswith(("1199 s behind", "1200 s behind", "1201 s behind"))
    oss_double.move_clock(-120)
    assert doctor(settings).findings["clock"]["status"] == "warning"


def test_public_endpoint_that_is_away_fails_the_link_alone(
    doctor: Doctor, settings: Mapping[str, str]
) -> None:
    diagnosis = doctor({**settings, "OSS__PUBLIC_ENDPOINT": "http://127.0.0.1:1"})
    assert diagnosis.failed == {"storage.link": "EndpointConnectionError"}
