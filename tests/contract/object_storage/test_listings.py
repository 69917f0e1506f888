"""What is there, and where it is to be had."""

import http.client
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from rowferry.domain.naming import content_disposition
from rowferry.domain.storage_fault import FaultKind
from rowferry.ports import NewObject, ObjectStorage
from tests.contract.object_storage.samples import (
    BODY,
    KEY,
    OTHERS,
    Storing,
    kind_of_failure,
    new_object,
)
from tests.contract.object_storage.storages import WITH_ADDRESSES


def test_objects_below_a_prefix_are_listed_page_by_page(
    storage: ObjectStorage, store: Storing
) -> None:
    keys = [f"exports/task-{number}/1.csv" for number in range(8)]
    for length, key in enumerate(keys):
        store(b"x" * length, new_object(key))
    store(b"x", new_object(f"{OTHERS}/task/1.csv"))
    listed = sorted(storage.objects("exports"), key=lambda found: found.key)
    assert [found.key for found in listed] == keys
    assert [found.size_bytes for found in listed] == list(range(8))


def test_listed_object_tells_when_it_came(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    (listed,) = storage.objects("exports")
    assert abs(datetime.now(UTC) - listed.modified_at) < timedelta(minutes=1)


def test_empty_storage_lists_nothing(storage: ObjectStorage) -> None:
    assert list(storage.objects("exports")) == []


@pytest.mark.parametrize("storage", WITH_ADDRESSES, indirect=True)
@pytest.mark.parametrize("name", ["export.csv", '\u5bfc\u51fa \U0001f4ca "1".xlsx'])
def test_signed_address_gives_the_download_to_anybody(
    storage: ObjectStorage, store: Storing, name: str
) -> None:
    disposition = content_disposition(name)
    store(BODY, NewObject(key=KEY, content_type="text/csv", content_disposition=disposition))
    stored = storage.head(KEY)
    assert stored is not None
    url = storage.signed_url(stored, 60)
    assert url is not None
    status, headers, body = _get(url)
    assert (status, body) == (200, BODY)
    assert headers["Content-Disposition"] == disposition
    assert headers["Content-Type"] == "text/csv"
    unsigned, _, _ = url.partition("?")
    assert _get(unsigned)[0] == 403
    assert _get(f"{url[:-1]}{'1' if url[-1] == '0' else '0'}")[0] == 403  # of the signature


@pytest.mark.parametrize("storage", ["local_disk", "memory"], indirect=True)
def test_storage_of_the_service_alone_has_no_addresses(
    storage: ObjectStorage, store: Storing
) -> None:
    store(BODY, new_object())
    stored = storage.head(KEY)
    assert stored is not None
    assert storage.signed_url(stored, 60) is None


@pytest.mark.parametrize("storage", WITH_ADDRESSES, indirect=True)
@pytest.mark.parametrize("seconds", [0, -1, 604_801])
def test_address_that_no_signature_allows_is_refused(
    storage: ObjectStorage, store: Storing, seconds: int
) -> None:
    store(BODY, new_object())
    stored = storage.head(KEY)
    assert stored is not None
    assert kind_of_failure(lambda: storage.signed_url(stored, seconds)) is FaultKind.REFUSED


def _get(url: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()
