"""What every object storage does, whatever it stands on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.ports import NewObject, ObjectStorage, StoredObject
from rowferry.storage.local_disk import LocalDiskStorage
from rowferry.storage.memory import MemoryStorage

BODY = b"id,name\r\n" + b"1,\xe5\xbc\xa0\r\n" * 40_000
KEY = "exports/0190a0b0c0d07000800000000000000f/1.csv"

Storing = Callable[[bytes, NewObject], None]


@pytest.fixture(params=["local_disk", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStorage:
    if request.param == "memory":
        return MemoryStorage()
    return LocalDiskStorage(tmp_path / "objects")


@pytest.fixture
def store(storage: ObjectStorage, tmp_path: Path) -> Storing:
    def put(body: bytes, new: NewObject) -> None:
        path = tmp_path / f"finished-{new.key.replace('/', '-')}"
        path.write_bytes(body)
        storage.put(str(path), new)
        assert not path.exists()

    return put


def new_object(key: str = KEY) -> NewObject:
    return NewObject(
        key=key,
        content_type="text/csv; charset=utf-8",
        content_disposition="attachment; filename=\"export.csv\"; filename*=UTF-8''%E5%BC%A0.csv",
    )


def stored_object(body: bytes = BODY) -> StoredObject:
    new = new_object()
    return StoredObject(
        key=new.key,
        size_bytes=len(body),
        content_type=new.content_type,
        content_disposition=new.content_disposition,
    )


def read_all(storage: ObjectStorage, key: str, start: int = 0, block_bytes: int = 65_536) -> bytes:
    stream = storage.open_range(key, start)
    try:
        return b"".join(iter(lambda: stream.read(block_bytes), b""))
    finally:
        stream.close()


def test_stored_file_is_read_back_byte_for_byte(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    assert read_all(storage, KEY) == BODY


def test_head_gives_what_was_stored(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    assert storage.head(KEY) == stored_object()


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
    assert storage.head(KEY) == stored_object(body=b"")
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


def test_same_key_again_replaces_the_object(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    store(b"new", new_object())
    assert storage.head(KEY) == stored_object(body=b"new")
    assert read_all(storage, KEY) == b"new"


def test_open_download_outlives_a_delete(storage: ObjectStorage, store: Storing) -> None:
    store(BODY, new_object())
    stream = storage.open_range(KEY, 0)
    storage.delete(KEY)
    assert stream.read(len(BODY)) == BODY
    stream.close()


def test_missing_file_is_a_storage_error(storage: ObjectStorage, tmp_path: Path) -> None:
    with pytest.raises(RowferryError) as refusal:
        storage.put(str(tmp_path / "not-there"), new_object())
    assert refusal.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert isinstance(refusal.value.__cause__, OSError)
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
    ):
        with pytest.raises(RowferryError) as refusal:
            call()
        assert refusal.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert source.read_bytes() == BODY


def test_healthy_storage_says_nothing_and_keeps_nothing(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    storage.health()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_threads_store_and_delete_side_by_side(storage: ObjectStorage, store: Storing) -> None:
    def churn(number: int) -> None:
        key = f"exports/task{number}/1.csv"
        for turn in range(20):
            body = f"{number}-{turn}".encode()
            store(body, new_object(key))
            assert read_all(storage, key) == body
            storage.delete(key)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(churn, range(8)))
