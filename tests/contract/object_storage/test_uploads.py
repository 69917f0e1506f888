"""What every storage that takes files in parts does."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from rowferry.domain.storage_fault import FaultKind
from rowferry.ports import MultipartStorage, ObjectStorage, Part, Upload
from tests.contract.object_storage.samples import (
    BODY,
    KEY,
    OTHERS,
    Storing,
    crc64_of,
    kind_of_failure,
    new_object,
    read_all,
    span_of,
)
from tests.contract.object_storage.storages import IN_PARTS

pytestmark = pytest.mark.parametrize("storage", IN_PARTS, indirect=True)
SMALLEST: Final = 300 << 10  # more than a block
Sending = Callable[[Upload, int, bytes], Part]


@pytest.fixture
def send(multipart: MultipartStorage, tmp_path: Path) -> Sending:
    def send(upload: Upload, number: int, body: bytes) -> Part:
        with closing(span_of(tmp_path, body)) as source:
            return multipart.put_part(upload, number, source)

    return send


@pytest.fixture
def upload(multipart: MultipartStorage) -> Iterator[Upload]:
    begun = multipart.start(new_object())
    yield begun
    multipart.abort(begun)


@pytest.fixture
def bodies(multipart: MultipartStorage) -> list[bytes]:
    """Two parts that are large enough, and a last one that need not be."""
    part_bytes = max(SMALLEST, multipart.min_part_bytes)
    return [bytes([number]) * (part_bytes + number) for number in (1, 2)] + [b"the end"]


def test_parts_become_the_object_in_the_order_of_their_numbers(
    storage: ObjectStorage,
    multipart: MultipartStorage,
    upload: Upload,
    send: Sending,
    bodies: list[bytes],
    tmp_path: Path,
) -> None:
    parts = {number: send(upload, number, bodies[number - 1]) for number in (3, 1, 2)}
    multipart.complete(upload, [parts[number] for number in (1, 2, 3)])
    whole = b"".join(bodies)
    assert read_all(storage, KEY, block_bytes=1 << 20) == whole
    stored = storage.head(KEY)
    assert stored is not None
    assert stored.size_bytes == len(whole)
    assert stored.content_type == new_object().content_type
    assert stored.content_disposition == new_object().content_disposition
    assert stored.crc64 in {None, crc64_of(tmp_path, whole)}
    storage.set_tags(KEY, {"team": "billing"})
    assert storage.tags(KEY) == {"team": "billing"}


def test_nothing_is_visible_before_the_end(
    storage: ObjectStorage, upload: Upload, send: Sending
) -> None:
    send(upload, 1, BODY)
    assert storage.head(KEY) is None
    assert list(storage.objects("exports")) == []


def test_aborted_upload_leaves_nothing(
    storage: ObjectStorage, multipart: MultipartStorage, upload: Upload, send: Sending
) -> None:
    part = send(upload, 1, BODY)
    multipart.abort(upload)
    assert list(multipart.uploads("exports")) == []
    assert kind_of_failure(lambda: multipart.parts(upload)) is FaultKind.UPLOAD_GONE
    assert kind_of_failure(lambda: send(upload, 2, BODY)) is FaultKind.UPLOAD_GONE
    assert kind_of_failure(lambda: multipart.complete(upload, [part])) is FaultKind.UPLOAD_GONE
    assert storage.head(KEY) is None
    multipart.abort(upload)


def test_listed_parts_are_those_that_were_sent(
    multipart: MultipartStorage, upload: Upload, send: Sending
) -> None:
    sent = [send(upload, number, BODY + bytes([number])) for number in (5, 1, 4, 2, 3)]
    listed = multipart.parts(upload)
    assert [part.number for part in listed] == [1, 2, 3, 4, 5]
    etags = {part.number: part.etag.strip('"').lower() for part in sent}
    assert {part.number: part.etag.strip('"').lower() for part in listed} == etags
    assert all(part.size_bytes == len(BODY) + 1 for part in listed)


def test_part_sent_again_takes_the_place_of_the_first(
    storage: ObjectStorage, multipart: MultipartStorage, upload: Upload, send: Sending
) -> None:
    send(upload, 1, b"first")
    again = send(upload, 1, b"second")
    assert again.etag in [part.etag for part in multipart.parts(upload)]
    multipart.complete(upload, [again])
    assert read_all(storage, KEY) == b"second"


def test_listed_part_is_held_by_the_same_bytes_only(
    multipart: MultipartStorage, upload: Upload, send: Sending, tmp_path: Path
) -> None:
    send(upload, 1, BODY)
    (part,) = multipart.parts(upload)
    held = {}
    others = {"same": BODY, "changed": b"x" + BODY[1:], "shorter": BODY[:-1], "longer": BODY * 2}
    for name, body in others.items():
        with closing(span_of(tmp_path, body)) as source:
            held[name] = multipart.holds(part, source)
    assert held == {"same": True, "changed": False, "shorter": False, "longer": False}


def test_second_completion_changes_nothing(
    storage: ObjectStorage, multipart: MultipartStorage, upload: Upload, send: Sending
) -> None:
    part = send(upload, 1, BODY)
    multipart.complete(upload, [part])
    kind = kind_of_failure(lambda: multipart.complete(upload, [part]))
    assert kind in {None, FaultKind.UPLOAD_GONE, FaultKind.ALREADY_THERE}
    assert read_all(storage, KEY) == BODY
    assert list(multipart.uploads("exports")) == []


def test_part_that_is_not_there_can_be_sent_after_all(
    storage: ObjectStorage,
    multipart: MultipartStorage,
    upload: Upload,
    send: Sending,
    bodies: list[bytes],
) -> None:
    first = send(upload, 1, bodies[0])
    never_sent = replace(first, number=2)
    assert (
        kind_of_failure(lambda: multipart.complete(upload, [first, never_sent]))
        is FaultKind.PART_LOST
    )
    assert storage.head(KEY) is None
    last = send(upload, 2, bodies[2])
    multipart.complete(upload, [first, last])
    assert read_all(storage, KEY, block_bytes=1 << 20) == bodies[0] + bodies[2]


def test_object_is_never_made_of_other_parts_than_those_named(
    storage: ObjectStorage, multipart: MultipartStorage, upload: Upload, send: Sending
) -> None:
    before = send(upload, 1, b"before")
    send(upload, 1, b"afterwards")
    kind = kind_of_failure(lambda: multipart.complete(upload, [before]))
    assert kind in {None, FaultKind.PART_LOST}  # SeaweedFS has them both
    assert (storage.head(KEY) is None) == (kind is not None)
    assert kind or read_all(storage, KEY) == b"before"


def test_key_with_an_object_is_replaced_or_refused(
    storage: ObjectStorage,
    multipart: MultipartStorage,
    store: Storing,
    upload: Upload,
    send: Sending,
) -> None:
    store(b"there before", new_object())
    part = send(upload, 1, BODY)
    kind = kind_of_failure(lambda: multipart.complete(upload, [part]))
    assert kind in {None, FaultKind.ALREADY_THERE}
    expected = b"there before" if kind else BODY
    assert read_all(storage, KEY) == expected


def test_uploads_below_a_prefix_are_listed_page_by_page(multipart: MultipartStorage) -> None:
    keys = [f"exports/task-{number}/1.csv" for number in range(5)]
    begun = [multipart.start(new_object(key)) for key in [*keys, f"{OTHERS}/task/1.csv"]]
    twice = multipart.start(new_object(keys[0]))
    listed = list(multipart.uploads("exports"))
    assert {(found.key, found.upload_id) for found in listed} == {
        (upload.key, upload.upload_id) for upload in (*begun[:-1], twice)
    }
    for upload in listed:
        assert upload.started_at is not None
        assert abs(datetime.now(UTC) - upload.started_at) < timedelta(minutes=1)


def test_parts_leave_side_by_side(
    storage: ObjectStorage, multipart: MultipartStorage, upload: Upload, send: Sending
) -> None:
    part_bytes = multipart.min_part_bytes + 1
    numbers = range(1, 7)
    with ThreadPoolExecutor(3) as threads:
        sent = threads.map(lambda n: send(upload, n, bytes([n]) * part_bytes), numbers)
        multipart.complete(upload, list(sent))
    whole = b"".join(bytes([number]) * part_bytes for number in numbers)
    assert read_all(storage, KEY, block_bytes=1 << 20) == whole


@pytest.mark.parametrize("key", ["", "../outside", "a//b", "a b", "\u5f20.csv"])
def test_key_that_could_lead_elsewhere_begins_no_upload(
    multipart: MultipartStorage, key: str
) -> None:
    assert kind_of_failure(lambda: multipart.start(new_object(key))) is FaultKind.REFUSED
