"""The doctor looks at settings, disks and database, and changes nothing."""

import io
import sys
from pathlib import Path

import pytest

from rowferry.cli.doctor.finding import Finding, Status, show
from rowferry.spool.database_record import RECORD_NAME
from tests.integration.doctor.conftest import Doctor


def test_machine_without_a_service_is_well_and_stays_as_it_is(
    doctor: Doctor, tmp_path: Path
) -> None:
    diagnosis = doctor({})
    assert (diagnosis.exit_code, diagnosis.failed) == (0, {})
    assert "made at the first start" in diagnosis.findings["disk.data"]["message"]
    assert "made at the first start" in diagnosis.findings["database.reachable"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_local_storage_is_tried_and_nothing_is_left(doctor: Doctor, data: Path) -> None:
    before = sorted(data.rglob("*"))
    diagnosis = doctor({})
    assert diagnosis.exit_code == 0
    assert {finding["status"] for finding in diagnosis.findings.values()} == {"ok"}
    assert list(diagnosis.findings) == [
        "configuration",
        "security.access",
        "disk.data",
        "disk.spool",
        "disk.temporary",
        "disk.files",
        "database.reachable",
        "database.schema",
        "database.identity",
        "storage.put",
        "storage.head",
        "storage.tag",
        "storage.tags",
        "storage.list",
        "storage.download",
        "storage.delete",
    ]
    assert sorted(data.rglob("*")) == before


def test_spool_of_another_database_is_found(doctor: Doctor, data: Path) -> None:
    (data / "spool" / RECORD_NAME).write_text("0" * 32)
    diagnosis = doctor({})
    assert (diagnosis.exit_code, list(diagnosis.failed)) == (1, ["database.identity"])
    assert "0" * 32 in diagnosis.findings["database.identity"]["message"]


def test_empty_database_is_worth_a_warning(doctor: Doctor, data: Path) -> None:
    (data / "rowferry.db").write_bytes(b"")
    diagnosis = doctor({})
    assert diagnosis.exit_code == 0
    assert diagnosis.findings["database.schema"]["status"] == "warning"
    assert "rowferry migrate" in diagnosis.findings["database.schema"]["advice"]


def test_database_that_is_away_fails_and_keeps_its_password(doctor: Doctor, data: Path) -> None:
    url = "postgresql+psycopg://rowferry:sesame@127.0.0.1:1/tasks"
    secret = "a secret of sixteen characters"  # noqa: S105  nobody's
    diagnosis = doctor({"TASK_STORE__URL": url, "SECURITY__LINK_SECRET": secret})
    assert diagnosis.failed == {"database.reachable": "DATABASE_UNAVAILABLE"}
    assert "sesame" not in diagnosis.text


def test_folder_that_can_not_be_made_fails(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    diagnosis = doctor({"SPOOL__DIRECTORY": str(tmp_path / "file" / "spool")})
    assert list(diagnosis.failed) == ["disk.spool"]


def test_folder_that_takes_no_files_fails(doctor: Doctor, data: Path) -> None:
    (data / "temporary").rmdir()
    (data / "temporary").write_text("no folder")
    assert list(doctor({}).failed) == ["disk.temporary"]


def test_disk_without_the_room_that_is_to_be_kept_fails(doctor: Doctor, data: Path) -> None:
    diagnosis = doctor({"STORAGE__MIN_FREE_BYTES": "1 TiB"})
    assert diagnosis.exit_code == 1
    assert "DISK_FULL" in diagnosis.findings["disk.spool"]["advice"]


def test_settings_that_can_not_be_used_are_exit_code_2(doctor: Doctor) -> None:
    diagnosis = doctor({"STORAGE__BACKEND": "tape"})
    assert diagnosis.exit_code == 2
    assert "STORAGE__BACKEND" in diagnosis.text


def test_s3_without_boto3_says_what_to_install(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("rowferry.storage.s3")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "boto3", None)
    place = {"S3__REGION": "eu-central-1", "S3__BUCKET": "bucket"}
    diagnosis = doctor({"STORAGE__BACKEND": "s3", **place})
    assert diagnosis.exit_code == 2
    assert "pip install 'rowferry[s3]'" in diagnosis.text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("place", [Terminal(), io.StringIO()])
def test_findings_are_coloured_on_a_terminal_only(
    place: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", place)
    finding = Finding(
        check="disk.data", status=Status.FAILED, message="full", code="X", advice="Make room."
    )
    show(finding, as_json=False)
    shown = place.getvalue()
    assert ("\x1b[31mfailed" in shown) is place.isatty()
    assert ("disk.data" in shown, "full (X)" in shown, "-> Make room." in shown) == (True,) * 3
