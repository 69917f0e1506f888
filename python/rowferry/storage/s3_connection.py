"""How a bucket of S3 is reached: settings, clients, and bodies as they are sent.

boto3 is what the extra ``s3`` of this package installs; nothing else imports it.
"""

import base64
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.ports import PartSource
from rowferry.storage.s3_faults import translated

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CONNECT_SECONDS: Final = 10  # also what one block of a body may take to leave
READ_SECONDS: Final = 60
_BLOCK_BYTES: Final = 256 << 10
_WHENCE_START: Final = os.SEEK_SET


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Bucket:
    """Where a bucket is and who uses it.

    ``endpoint_url`` "" = Amazon's own of the region; ``public_endpoint_url`` "" = the same.
    Without ``access_key_id`` boto3 looks for credentials where AWS programs do, and renews them.
    """

    region: str
    bucket: str
    prefix: str = "exports"
    endpoint_url: str = ""
    public_endpoint_url: str = ""
    path_style: bool = False
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    public: bool = False  # anybody may read: addresses need no signature
    object_tags: bool = True  # Google's interoperable endpoint has none
    connections: int = 10
    page_entries: int = 1000  # of listings; S3 gives no more at once


class S3Connection:
    """Clients of one bucket: blocking and thread-safe, nothing is tried again.

    A client whose credentials are over is dropped: the next call makes one with fresh ones.
    """

    def __init__(self, bucket: S3Bucket) -> None:
        self.bucket: Final = bucket
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, object], S3Client] = {}

    def asked(self) -> AbstractContextManager["S3Client"]:
        """Lend the client that files are sent with; failures become ``StorageFault``."""
        return self._lent(self.bucket.endpoint_url, "s3v4")

    def asked_for_links(self) -> AbstractContextManager["S3Client"]:
        """Lend the client that makes addresses for others: it names the public endpoint."""
        endpoint_url = self.bucket.public_endpoint_url or self.bucket.endpoint_url
        return self._lent(endpoint_url, UNSIGNED if self.bucket.public else "s3v4")

    @contextmanager
    def _lent(self, endpoint_url: str, signature: object) -> Iterator["S3Client"]:
        try:
            with translated():
                yield self._client(endpoint_url, signature)
        except StorageFault as fault:
            if fault.kind is FaultKind.TOKEN_EXPIRED:
                with self._lock:
                    self._clients.clear()
            raise

    def _client(self, endpoint_url: str, signature: object) -> "S3Client":
        with self._lock:
            client = self._clients.get((endpoint_url, signature))
            if client is None:
                client = self._new_client(endpoint_url, signature)
                self._clients[endpoint_url, signature] = client
            return client

    def _new_client(self, endpoint_url: str, signature: Any) -> "S3Client":  # noqa: ANN401  UNSIGNED
        bucket = self.bucket
        addressing: Any = "path" if bucket.path_style else "auto"
        config = Config(
            signature_version=signature,
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=bucket.connections,
            # Checksums of Amazon's own, and bodies signed piece by piece, are refused by others.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # Content-MD5 is in the signature: hashing bodies once more with SHA-256 adds nothing.
            s3={"addressing_style": addressing, "payload_signing_enabled": False},
        )
        return boto3.Session().client(
            "s3",
            endpoint_url=endpoint_url or None,
            region_name=bucket.region,
            aws_access_key_id=bucket.access_key_id or None,
            aws_secret_access_key=bucket.secret_access_key or None,
            aws_session_token=bucket.session_token or None,
            config=config,
        )


def body_of(source: PartSource) -> Any:  # noqa: ANN401  boto3's types ask for a whole IO
    """Give a source as boto3 takes bodies: sent in blocks, never held whole."""
    return _Body(source)


class _Body:
    """What boto3 reads; it only rewinds, which a redirect to the bucket's own region needs."""

    def __init__(self, source: PartSource) -> None:
        self._source = source
        self._sent_bytes = 0

    def __len__(self) -> int:
        return len(self._source)

    def read(self, size: int = -1, /) -> bytes:  # noqa: ARG002  16 KiB are asked for: too many calls
        """Give the next block, however much is asked for."""
        block = self._source.read(_BLOCK_BYTES)
        self._sent_bytes += len(block)
        return block

    def tell(self) -> int:
        """Give what has been read since the start."""
        return self._sent_bytes

    def seek(self, offset: int, whence: int = _WHENCE_START, /) -> int:
        """Start again; nothing else."""
        if (offset, whence) != (0, _WHENCE_START):
            raise OSError("A part is read from its start only.")
        self._source.rewind()
        self._sent_bytes = 0
        return 0


def md5_of(source: PartSource) -> bytes:
    """Read a source from its start, and rewind it; give the MD5 of its bytes."""
    source.rewind()
    digest = hashlib.md5(usedforsecurity=False)
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
    source.rewind()
    return digest.digest()


def content_md5(digest: bytes) -> str:
    """Give a digest as the header Content-MD5 has it (RFC 1864)."""
    return base64.b64encode(digest).decode()
