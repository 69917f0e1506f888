"""How a bucket of OSS is reached: settings, sessions, and failures as faults.

Requests are signed with version 4, the only one that new accounts may use.
"""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import requests
import urllib3

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.storage.aliyun_oss_credentials import OssCredentials
from rowferry.storage.aliyun_oss_faults import fault_of_answer
from rowferry.storage.lean_oss2 import oss2

CONNECT_SECONDS: Final = 10  # also what one block of a body may take to leave
READ_SECONDS: Final = 60
_BLOCK_BYTES: Final = 256 << 10
_BROKEN: Final = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    # What oss2 says of answers in other words than those of OSS.
    ParseError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OssBucket:
    """Where a bucket is. ``cname``: the public endpoint is a domain bound to the bucket."""

    endpoint_url: str
    public_endpoint_url: str
    region: str
    bucket: str
    prefix: str
    cname: bool = False
    public: bool = False  # anybody may read: addresses need no signature
    connections: int = 10
    page_entries: int = 1000  # of a listing, the most that OSS gives at once


class OssConnection:
    """The bucket by the endpoint that files are sent to, and by the one that links lead to."""

    def __init__(self, bucket: OssBucket, credentials: OssCredentials) -> None:
        self.bucket: Final = bucket
        self.credentials: Final = credentials
        auth = oss2.ProviderAuthV4(credentials)
        session = _session(bucket.connections)
        self.for_files: Final = self._client(auth, session, bucket.endpoint_url, cname=False)
        reader = oss2.AnonymousAuth() if bucket.public else auth
        self.for_links: Final = self._client(
            reader, session, bucket.public_endpoint_url, cname=bucket.cname
        )

    def _client(self, auth: Any, session: Any, endpoint_url: str, *, cname: bool) -> Any:  # noqa: ANN401  of oss2
        return oss2.Bucket(
            auth,
            endpoint_url,
            self.bucket.bucket,
            is_cname=cname,
            session=session,
            connect_timeout=(CONNECT_SECONDS, READ_SECONDS),
            region=self.bucket.region,
            enable_crc=False,  # in Python, at 4 CPU seconds a GB: checksums come with the bytes
        )

    @contextmanager
    def asked(self) -> Iterator[Any]:
        """Lend the client that files are sent with; failures become ``StorageFault``."""
        with self.translated():
            yield self.for_files

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise ``StorageFault`` for what oss2 and the libraries below it raise."""
        try:
            yield
        except oss2.exceptions.ServerError as error:
            # what it says beside its code repeats signed headers, a token among them
            raise self._answered(error) from None
        except oss2.exceptions.ClientError as error:
            message = "The storage can't be asked this way."
            raise StorageFault(FaultKind.REFUSED, message) from error
        except (oss2.exceptions.OssError, *_BROKEN) as error:
            message = "The storage does not answer."
            raise StorageFault(FaultKind.TRANSIENT, message) from error

    def _answered(self, error: Any) -> StorageFault:  # noqa: ANN401  of oss2
        fault = fault_of_answer(error, renewable=True)
        if fault.kind is FaultKind.TOKEN_EXPIRED and not self.credentials.renew():
            return fault_of_answer(error, renewable=False)
        return fault


class _BlockAdapter(requests.adapters.HTTPAdapter):
    """Sends bodies in the blocks that they are read in, not in 16 KiB."""

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002  requests' own
        **pool_kwargs: Any,  # noqa: ANN401  requests' own
    ) -> None:
        super().init_poolmanager(
            connections, maxsize, block, blocksize=_BLOCK_BYTES, **pool_kwargs
        )


def _session(connections: int) -> Any:  # noqa: ANN401  of oss2
    session = oss2.Session(adapter=_BlockAdapter(pool_maxsize=connections))
    session.session.auth = _signed_already
    return session


def _signed_already(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from signing once more, with what a ~/.netrc has for the host."""
    return request
