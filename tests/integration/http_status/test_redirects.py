"""A link to a file in a bucket leads to the bucket, by an address that is soon worth nothing."""

# ruff: noqa: ANN401  tests can't import the types of conftest.py

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rowferry.domain.events import FileDownloaded
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.domain.task import TaskState

TASK_ID = "0190a0b0c0d07000800000000000000f"
ADDRESS = "https://bucket.example/1.csv?signature=of-its-own"


@pytest.fixture
def bucket(port: Any) -> Any:
    """Give the storage, whose files have an address."""
    port.storage.address = ADDRESS
    return port.storage


async def test_link_leads_to_the_storage_and_is_kept_by_nobody(port: Any, bucket: Any) -> None:
    reply = await port.ask(port.path())
    assert (reply.status, reply.body) == (302, b"")
    assert reply.headers["location"] == ADDRESS
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert bucket.asked_seconds == [300]


async def test_range_is_the_storages_to_answer(port: Any, bucket: Any) -> None:
    reply = await port.ask(port.path(), {"Range": "bytes=5-9"})
    assert (reply.status, len(bucket.asked_seconds)) == (302, 1)


async def test_address_outlives_no_link(port: Any, bucket: Any) -> None:
    port.now += timedelta(days=7, seconds=-42)
    assert (await port.ask(port.path())).status == 302
    port.now += timedelta(seconds=41.5)
    assert (await port.ask(port.path())).status == 302
    port.now += timedelta(seconds=0.5)
    assert (await port.ask(port.path())).status == 410
    assert bucket.asked_seconds == [42, 1]


async def test_redirect_is_told_as_one(port: Any, bucket: Any) -> None:
    await port.ask(port.path())
    await port.observer.told.wait()  # the answer is there first
    assert port.observer.events == [
        FileDownloaded(
            task_id=TASK_ID, request_id="r-1", client="default", sent_bytes=0, redirected=True
        )
    ]


async def test_head_and_conditions_are_answered_without_the_storages_address(
    port: Any, bucket: Any
) -> None:
    head = await port.ask(port.path(), method="HEAD")
    assert (head.status, head.headers["accept-ranges"]) == (200, "bytes")
    known = await port.ask(port.path(), {"If-None-Match": head.headers["etag"]})
    other = await port.ask(port.path(), {"If-Match": '"other"'})
    assert (known.status, other.status, bucket.asked_seconds) == (304, 412, [])
    assert port.observer.events == []


@pytest.mark.parametrize("state", [TaskState.EXPIRED, TaskState.CANCELLED])
async def test_revoked_link_leads_nowhere(port: Any, bucket: Any, state: TaskState) -> None:
    path = port.path()
    port.tasks.put(replace(port.tasks.tasks["default", TASK_ID], state=state))
    assert (await port.ask(path)).status in {404, 410}
    assert bucket.asked_seconds == []


@pytest.mark.parametrize("proxy_downloads", [True])
async def test_proxied_download_never_shows_the_storages_address(port: Any, bucket: Any) -> None:
    reply = await port.ask(port.path(), {"Range": "bytes=-7"})
    assert (reply.status, reply.body) == (206, b"the end")
    assert ADDRESS not in str(reply.headers)
    assert bucket.asked_seconds == []


async def test_storage_that_can_not_sign_is_told_as_an_error(port: Any) -> None:
    port.storage.refusal = StorageFault(FaultKind.TRANSIENT, "Fresh credentials can't be had.")
    reply = await port.ask(port.path())
    assert reply.status == 503
    assert b"STORAGE_UNAVAILABLE" in reply.body
