"""Links that lead to the storage itself: nothing of a download passes this service."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from rowferry.domain.naming import content_disposition, download_name, key_extension
from rowferry.domain.storage_fault import StorageFault
from rowferry.domain.task import Task, TaskState
from rowferry.ports import Storages, StoredObject

# Signature version 4 allows no more:
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (X-Amz-Expires)
# https://www.alibabacloud.com/help/en/oss/developer-reference/add-signatures-to-urls
MAX_SIGNED_SECONDS: Final = 604_800


class SealedLinks(Protocol):
    """Makes links to this service."""

    def url(self, task: Task) -> str:
        """Give the link to a task's file; "" while there is none."""


class DirectLinks:
    """Makes links of addresses that the storage signs, for as long as the task's link lasts.

    Each answer has an address of its own. ``sealed`` takes their place where there are none: for
    files that fell back to the local disk, and when their time is over, so that clients hear why.
    Storages sign without a request here: their keys last, or none are needed.
    """

    def __init__(
        self, sealed: SealedLinks, storages: Storages, clock: Callable[[], datetime]
    ) -> None:
        self._sealed = sealed
        self._storages = storages
        self._clock = clock

    def url(self, task: Task) -> str:
        """Give the link to a task's file; "" while there is none."""
        return self._signed_url(task) or self._sealed.url(task)

    def _signed_url(self, task: Task) -> str | None:
        if task.state is not TaskState.COMPLETED or task.link_expires_at is None:
            return None
        seconds = int((task.link_expires_at - self._clock()).total_seconds())
        if seconds < 1:
            return None
        try:
            storage = self._storages.named(task.storage)
            return storage.signed_url(_stored(task), min(seconds, MAX_SIGNED_SECONDS))
        except StorageFault:
            return None  # the sealed link says what is wrong, when it is opened


def _stored(task: Task) -> StoredObject:
    """Describe a task's object without asking for it."""
    name = download_name(task.filename, key_extension(task.object_key))
    return StoredObject(
        key=task.object_key,
        size_bytes=task.file_bytes,
        content_type="",
        content_disposition=content_disposition(name),
    )
