"""Links that lead to the storage itself, and what takes their place where there are none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rowferry.domain.spec import Format
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.domain.task import Task, TaskState
from rowferry.ports import Storages, StoredObject
from rowferry.status.direct_links import MAX_SIGNED_SECONDS, DirectLinks
from rowferry.status.http_links import LinkSealer
from rowferry.storage.memory import MemoryStorage

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TASK = Task(
    id="0190a0b0c0d07000800000000000000f",
    client="default",
    request_id="r-1",
    request_hash="",
    format=Format.CSV,
    filename="\u62a5\u8868",
    created_at=NOW,
    state=TaskState.COMPLETED,
    attempt=1,
    storage="bucket",
    object_key="exports/0190a0b0c0d07000800000000000000f/1.csv.gz",
    file_bytes=10,
    sha256="",
    link_expires_at=NOW + timedelta(hours=1),
)
SEALED = LinkSealer([b"a secret of some length"], "http://files.example")


class SigningStorage(MemoryStorage):
    """A storage whose addresses tell what they were asked for."""

    asked: StoredObject | None = None
    fault: StorageFault | None = None

    def signed_url(self, stored: StoredObject, expires_in_seconds: int) -> str:  # type: ignore[override]  # the memory has none
        if self.fault is not None:
            raise self.fault
        self.asked = stored
        return f"https://bucket.example/{stored.key}?expires={expires_in_seconds}"


@pytest.fixture
def bucket() -> SigningStorage:
    return SigningStorage()


@pytest.fixture
def links(bucket: SigningStorage) -> DirectLinks:
    by_name = {"bucket": bucket, "local": MemoryStorage()}
    return DirectLinks(SEALED, Storages(primary="bucket", by_name=by_name), lambda: NOW)


def test_link_is_the_storages_address_until_the_link_expires(links: DirectLinks) -> None:
    assert links.url(TASK) == f"https://bucket.example/{TASK.object_key}?expires=3600"


def test_file_is_saved_under_its_name(links: DirectLinks, bucket: SigningStorage) -> None:
    links.url(TASK)
    assert bucket.asked is not None
    assert bucket.asked.content_disposition == (
        "attachment; filename=\"export.csv.gz\"; filename*=UTF-8''%E6%8A%A5%E8%A1%A8.csv.gz"
    )


def test_no_address_lasts_longer_than_signatures_can(links: DirectLinks) -> None:
    task = replace(TASK, link_expires_at=NOW + timedelta(days=30))
    assert links.url(task).endswith(f"expires={MAX_SIGNED_SECONDS}")


def test_link_whose_time_is_over_says_so(links: DirectLinks) -> None:
    task = replace(TASK, link_expires_at=NOW)
    assert links.url(task) == SEALED.url(task) != ""


@pytest.mark.parametrize("storage", ["local", "gone"])
def test_file_without_an_address_of_its_own_has_a_sealed_link(
    links: DirectLinks, storage: str
) -> None:
    task = replace(TASK, storage=storage)
    assert links.url(task) == SEALED.url(task) != ""


def test_storage_that_can_not_sign_fails_no_answer(
    links: DirectLinks, bucket: SigningStorage
) -> None:
    bucket.fault = StorageFault(FaultKind.REFUSED, "No keys.")
    assert links.url(TASK) == SEALED.url(TASK)


def test_task_without_a_file_has_no_link(links: DirectLinks) -> None:
    assert links.url(replace(TASK, state=TaskState.UPLOADING)) == ""
