"""A storage in memory whose calls fail as they are told to, before or after their work."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.ports import NewObject, Part, PartSource, StoredObject, Upload
from rowferry.storage.memory import MemoryStorage, MemoryUploads
from tests.unit.export.in_memory import Gate, WatchedStorage

_T = TypeVar("_T")
AWAY = FaultKind.TRANSIENT


class FailingUploads:
    """A ``MultipartStorage``: faults are taken from ``plan`` by the name of the call."""

    def __init__(self, inner: MemoryUploads, plan: "Plan") -> None:
        self._inner = inner
        self._plan = plan
        self.min_part_bytes = inner.min_part_bytes
        self.max_parts = inner.max_parts
        self.sent: list[int] = []

    def start(self, new: NewObject) -> Upload:
        return self._plan.make("start", lambda: self._inner.start(new))

    def put_part(self, upload: Upload, number: int, source: PartSource) -> Part:
        part = self._plan.make("put_part", lambda: self._inner.put_part(upload, number, source))
        self.sent.append(number)
        return part

    def parts(self, upload: Upload) -> Sequence[Part]:
        return self._plan.make("parts", lambda: self._inner.parts(upload))

    def holds(self, part: Part, source: PartSource) -> bool:
        return self._inner.holds(part, source)

    def complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        self._plan.make("complete", lambda: self._inner.complete(upload, parts))

    def abort(self, upload: Upload) -> None:
        self._plan.make("abort", lambda: self._inner.abort(upload))

    def uploads(self, prefix: str) -> Iterator[Upload]:
        return self._inner.uploads(prefix)

    def lose(self, number: int) -> None:
        """Forget a part that was acknowledged."""
        for found in self._inner._uploads.values():  # noqa: SLF001
            found.parts.pop(number, None)


class Plan:
    """What happens to the next calls: a fault before the work is done, or after."""

    def __init__(self) -> None:
        self._faults: dict[str, deque[tuple[FaultKind, bool]]] = {}
        self.away = False
        self.gates: dict[str, Gate] = {}

    def fail(self, call: str, *kinds: FaultKind, after: bool = False) -> None:
        self._faults.setdefault(call, deque()).extend((kind, after) for kind in kinds)

    def make(self, name: str, call: Callable[[], _T]) -> _T:
        if name in self.gates:
            self.gates[name].pass_through()
        if self.away:
            raise StorageFault(AWAY, "The storage is away.")
        planned = self._faults.get(name)
        if not planned:
            return call()
        kind, after = planned.popleft()
        if after:
            call()
        raise StorageFault(kind, "As planned.", reason="Planned")


class FailingStorage(WatchedStorage):
    """A ``WatchedStorage`` that takes parts, and whose calls go by a plan."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = Plan()
        assert isinstance(self.multipart, MemoryUploads)
        self.parts = FailingUploads(self.multipart, self.plan)
        self.multipart = self.parts  # type: ignore[misc,assignment]

    def put(self, path: str, new: NewObject) -> None:
        self.plan.make("put", lambda: super(FailingStorage, self).put(path, new))

    def head(self, key: str) -> StoredObject | None:
        return self.plan.make("head", lambda: MemoryStorage.head(self, key))

    def delete(self, key: str) -> None:
        self.plan.make("delete", lambda: MemoryStorage.delete(self, key))

    def under_way(self) -> list[str]:
        return [upload.upload_id for upload in self.parts.uploads("exports")]
