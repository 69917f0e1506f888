"""Who uses a bucket of OSS: lasting keys, or temporary ones that somebody else renews.

oss2 asks for keys at every request, in the thread that sends it.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import requests

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.storage.lean_oss2 import oss2

METADATA_SECONDS: Final = 60.0  # keys are renewed long before they end
_CONNECT_AND_READ_SECONDS: Final = (3.0, 5.0)
# Ours, and those of the metadata server of ECS:
# https://www.alibabacloud.com/help/en/ecs/user-guide/attach-an-instance-ram-role-to-an-ecs-instance
_KEY_ID: Final = ("access_key_id", "AccessKeyId")
_KEY_SECRET: Final = ("access_key_secret", "AccessKeySecret")
_TOKEN: Final = ("security_token", "SecurityToken")


class OssCredentials(Protocol):
    """What oss2 signs with."""

    def get_credentials(self) -> Any:  # noqa: ANN401  of oss2
        """Give the keys of now; raise StorageFault."""

    def renew(self) -> bool:
        """Forget keys that the storage found expired; tell whether there may be others."""


class FixedOssCredentials:
    """Keys that stay what they are until the service is started again."""

    def __init__(self, key_id: str, key_secret: str, security_token: str = "") -> None:
        self._keys: Final = oss2.credentials.Credentials(key_id, key_secret, security_token)

    def get_credentials(self) -> Any:  # noqa: ANN401  of oss2
        """Give the keys."""
        return self._keys

    def renew(self) -> bool:
        """Have no others."""
        return False


class KeyDocument(Protocol):
    """A JSON document with keys that somebody else renews."""

    def version(self) -> object:
        """Give something that is another once the document has to be read again."""

    def read(self) -> bytes:
        """Read it; raise OSError."""


class KeyFile:
    """A file, read again when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def version(self) -> object:
        """Give what tells one writing from another; raise OSError."""
        stat = self._path.stat()
        return (stat.st_mtime_ns, stat.st_ino, stat.st_size)

    def read(self) -> bytes:
        """Read the file; raise OSError."""
        return self._path.read_bytes()


class KeyAddress:
    """An address such as the metadata server's, asked once a minute."""

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._now = now

    def version(self) -> object:
        """Give the number of the minute."""
        return self._now() // METADATA_SECONDS

    def read(self) -> bytes:
        """Ask for the document; raise OSError."""
        with requests.Session() as session:
            session.trust_env = False  # no proxy leads to a machine's own metadata
            answer = session.get(self._url, timeout=_CONNECT_AND_READ_SECONDS)
            answer.raise_for_status()
            return answer.content


class RenewedOssCredentials:
    """The keys of a document. While it can't be read, the keys from before are used."""

    def __init__(self, document: KeyDocument) -> None:
        self._document = document
        self._lock = threading.Lock()
        self._version: object = None
        self._keys: Any = None

    def get_credentials(self) -> Any:  # noqa: ANN401  of oss2
        """Give the keys that the document has now; raise StorageFault."""
        with self._lock:
            with contextlib.suppress(OSError, msgspec.DecodeError):
                version = self._document.version()
                if version != self._version:
                    self._version = version  # of one that can't be read too: once is enough
                    self._keys = _parse(self._document.read())
            if self._keys is None:
                self._version = None
                message = "The storage's temporary credentials can't be read."
                raise StorageFault(FaultKind.REFUSED, message)
            return self._keys

    def renew(self) -> bool:
        """Read the document again at the next request."""
        with self._lock:
            self._version = None
        return True


def _parse(document: bytes) -> Any:  # noqa: ANN401  of oss2
    """Read keys; raise msgspec.DecodeError."""
    found = msgspec.json.decode(document, type=dict[str, Any])
    key_id, key_secret, token = (
        str(found.get(ours) or found.get(theirs) or "")
        for ours, theirs in (_KEY_ID, _KEY_SECRET, _TOKEN)
    )
    if not (key_id and key_secret):
        raise msgspec.ValidationError("no keys in it")
    return oss2.credentials.Credentials(key_id, key_secret, token)
