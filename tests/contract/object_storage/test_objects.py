"""What every object storage does, whatever it stands on."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import content_disposition
from rowferry.domain.storage_fault import FaultKind
from rowferry.ports import NewObject, ObjectStorage
from tests.contract.object_storage.samples import (
    BODY,
    KEY,
    Storing,
    crc64_of,
    kind_of_failure,
    new_object,
    read_all,
)

NAMES: Final = [
    "\u5bfc\u51fa.xlsx",
    "\U0001f4ca Q1.csv",
    'a "quoted" name.csv',
    "na\u00efve; size=1, 100%.csv",
    "a b+c&d=e#f?.csv",
    "\u5f20" * 80 + ".csv",
    "x" * 200 + ".csv",
]


def test_stored_file_is_read_back_byte_for_byte(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    assert read_all(storage, KEY) == BODY


def test_head_gives_what_was_stored(
    storage: ObjectStorage, store: Storing, tmp_path: Path
) -> None:
    new = new_object()
    store(BODY, new)
    stored = storage.head(KEY)
    assert stored is not None
    assert (stored.key, stored.size_bytes) == (KEY, len(BODY))
    assert stored.content_type == new.content_type
    assert stored.content_disposition == new.content_disposition
    assert stored.crc64 in {None, crc64_of(tmp_path, BODY)}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_name_of_a_download_comes_back(storage: ObjectStorage, store: Storing, name: str) -> None:
    disposition = content_disposition(name)
    store(b"x", NewObject(key=KEY, content_type="text/csv", content_disposition=disposition))
    stored = storage.head(KEY)
    assert stored is not None
    assert stored.content_disposition == disposition


@pytest.mark.parametrize("start", [0, 1, 65_536, len(BODY) - 1, len(BODY)])
def test_range_begins_at_its_start(storage: ObjectStorage, store: Storing, start: int) -> None:
    store(BODY, new_object())
    assert read_all(storage, KEY, start) == BODY[start:]


def test_read_gives_no_more_than_asked(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    stream = storage.open_range(KEY, 5)
    assert stream.read(7) == BODY[5:12]
    stream.close()


def test_empty_object_can_be_stored(storage: ObjectStorage, store: Storing) -> None:
    store(b"", new_object())
    stored = storage.head(KEY)
    assert stored is not None
    assert stored.size_bytes == 0
    assert read_all(storage, KEY) == b""


def test_tags_are_written_whole(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    assert storage.tags(KEY) == {}
    storage.set_tags(KEY, {"team": "billing", "empty": ""})
    assert storage.tags(KEY) == {"team": "billing", "empty": ""}
    storage.set_tags(KEY, {"task": "1"})
    assert storage.tags(KEY) == {"task": "1"}
    assert read_all(storage, KEY) == BODY


def test_unknown_key_has_no_head(storage: ObjectStorage) -> None:
    assert storage.head(KEY) is None


def test_unknown_key_can_not_be_opened(storage: ObjectStorage) -> None:
    with pytest.raises(RowferryError) as refusal:
        storage.open_range(KEY, 0)
    assert refusal.value.code is ErrorCode.NOT_FOUND


def test_deleted_object_is_gone(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    storage.delete(KEY)
    assert storage.head(KEY) is None
    with pytest.raises(RowferryError):
        storage.open_range(KEY, 0)


def test_deleting_what_is_not_there_is_no_error(storage: ObjectStorage) -> None:
    storage.delete(KEY)
    storage.delete(KEY)


def test_deleting_one_attempt_leaves_the_other(storage: ObjectStorage, store: Storing) -> None:
    other = KEY.replace("/1.csv", "/2.csv")
    store(BODY, new_object())
    store(b"x", new_object(other))
    storage.delete(KEY)
    assert read_all(storage, other) == b"x"


def test_same_key_again_replaces_the_object_or_is_refused(
    storage: ObjectStorage, store: Storing
) -> None:
    store(BODY, new_object())
    kind = kind_of_failure(lambda: store(b"new", new_object()))
    assert kind in {None, FaultKind.ALREADY_THERE}
    expected = BODY if kind else b"new"
    assert read_all(storage, KEY) == expected


def test_key_is_free_again_once_its_object_is_deleted(
    storage: ObjectStorage, store: Storing
) -> None:
    store(BODY, new_object())
    storage.delete(KEY)
    store(b"new", new_object())
    assert read_all(storage, KEY) == b"new"


def test_open_download_outlives_a_delete(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    stream = storage.open_range(KEY, 0)
    storage.delete(KEY)
    assert stream.read(len(BODY)) == BODY
    stream.close()


def test_tags_of_what_is_not_there_are_not_found(storage: ObjectStorage) -> None:
    for call in (lambda: storage.tags(KEY), lambda: storage.set_tags(KEY, {"a": "b"})):
        with pytest.raises(RowferryError) as refusal:
            call()
        assert refusal.value.code is ErrorCode.NOT_FOUND


def test_missing_file_is_a_storage_error(storage: ObjectStorage, tmp_path: Path) -> None:
    with pytest.raises(RowferryError) as refusal:
        storage.put(str(tmp_path / "not-there"), new_object())
    assert refusal.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert isinstance(refusal.value.__cause__, OSError)
    assert str(tmp_path) not in refusal.value.message
    assert storage.head(KEY) is None


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../outside",
        "a/../../outside",
        "a//b",
        "a/",
        ".hidden",
        "a/.1.csv.json",
        "a/.",
        "a\\b",
        "a b",
        "a\0b",
        "a\nb",
        "a\n",
        "\u5f20.csv",
        "a" * 513,
    ],
)
def test_key_that_could_lead_elsewhere_is_refused(
    storage: ObjectStorage, tmp_path: Path, key: str
) -> None:
    source = tmp_path / "source"
    source.write_bytes(BODY)
    for call in (
        lambda: storage.put(str(source), new_object(key)),
        lambda: storage.head(key),
        lambda: storage.delete(key),
        lambda: storage.open_range(key, 0),
        lambda: storage.set_tags(key, {}),
        lambda: storage.tags(key),
    ):
        with pytest.raises(RowferryError) as refusal:
            call()
        assert refusal.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert source.read_bytes() == BODY


def test_healthy_storage_says_nothing_and_keeps_nothing(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    storage.health()
    assert list(storage.objects("exports")) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_threads_store_and_delete_side_by_side(storage: ObjectStorage, store: Storing) -> None:
    def churn(number: int) -> None:
        key = f"exports/task{number}/1.csv"
        for turn in range(5):
            body = f"{number}-{turn}".encode()
            store(body, new_object(key))
            assert read_all(storage, key) == body
            storage.delete(key)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(churn, range(4)))
