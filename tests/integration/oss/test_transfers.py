"""What goes over the wire: in blocks, on connections that are used again."""

import logging
import tracemalloc
from pathlib import Path

import pytest

from rowferry.file_span import BLOCK_BYTES, FileSpan
from rowferry.ports import NewObject
from rowferry.storage.aliyun_oss import AliyunOssStorage
from tests.doubles.oss.running import OssDouble

MIB = 1 << 20


def test_part_of_200_mib_is_never_in_memory(
    storage: AliyunOssStorage, new: NewObject, tmp_path: Path
) -> None:
    path = tmp_path / "zeros"
    with path.open("wb") as zeros:
        zeros.truncate(200 * MIB)
    upload = storage.multipart.start(new)
    source = FileSpan(path, 0, 200 * MIB)
    tracemalloc.start()
    try:
        part = storage.multipart.put_part(upload, 1, source)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert part.size_bytes == 200 * MIB
    assert peak_bytes < 2 * MIB
    storage.multipart.abort(upload)


def test_body_is_sent_in_the_blocks_it_is_read_in(
    storage: AliyunOssStorage, new: NewObject, file: Path
) -> None:
    asked = []

    class Noted(FileSpan):
        def read(self, size: int = -1, /) -> bytes:
            asked.append(size)
            return super().read(size)

    size_bytes = file.stat().st_size
    storage.multipart.put_part(storage.multipart.start(new), 1, Noted(file, 0, size_bytes))
    assert set(asked) == {BLOCK_BYTES}
    assert len(asked) <= size_bytes // BLOCK_BYTES + 2


def test_one_thread_needs_one_connection(
    storage: AliyunOssStorage,
    new: NewObject,
    file: Path,
    source: FileSpan,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"):
        for _ in range(3):
            upload = storage.multipart.start(new)
            part = storage.multipart.put_part(upload, 1, source)
            storage.multipart.complete(upload, [part])
            storage.set_tags(new.key, {"team": "billing"})
            assert storage.head(new.key) is not None
            assert storage.open_range(new.key, 0).read(MIB) == file.read_bytes()
            storage.delete(new.key)
            assert storage.head(new.key) is None
            dropped = storage.multipart.start(new)
            assert storage.multipart.parts(dropped) == []
            storage.multipart.abort(dropped)
            assert list(storage.objects("exports")) == []
    made = [record for record in caplog.records if "Starting new" in record.message]
    assert len(made) == 1


def test_netrc_of_the_machine_signs_nothing(
    storage: AliyunOssStorage,
    oss_double: OssDouble,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    storage.health()


def test_no_request_is_made_for_a_link(
    storage: AliyunOssStorage, oss_double: OssDouble, new: NewObject, file: Path
) -> None:
    storage.put(str(file), new)
    stored = storage.head(new.key)
    assert stored is not None
    before = len(oss_double.snapshot().requests)
    storage.signed_url(stored, 60)
    assert len(oss_double.snapshot().requests) == before
