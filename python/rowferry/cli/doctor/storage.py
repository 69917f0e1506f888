"""Checks of the storage, with an object of the doctor's own that is removed at the end."""

import contextlib
import secrets
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, runtime_checkable
from urllib.parse import urlsplit

from rowferry.cli.doctor.advice import advice_for, code_of
from rowferry.cli.doctor.finding import Finding, Status
from rowferry.cli.doctor.link import LinkError, clock_difference_seconds, download
from rowferry.cli.doctor.owner import CHECK as OWNER_CHECK
from rowferry.cli.doctor.owner import owner_finding
from rowferry.domain.errors import RowferryError
from rowferry.domain.naming import content_disposition, make_task_id, storage_key
from rowferry.file_span import FileSpan
from rowferry.ports import MultipartStorage, NewObject, ObjectStorage, StoredObject, Upload

# What a storage refuses, and what its links and leases begin to suffer from.
_REFUSED_SKEW_SECONDS: Final = 900
_NOTED_SKEW_SECONDS: Final = 60
_TOLD_SECONDS: Final = 2  # a Date has whole ones
_LINK_SECONDS: Final = 300
_TAGS: Final = {"rowferry-task": "doctor"}
_FILE_NAME: Final = "体检 doctor.txt"

DENIALS: Final = frozenset({"AccessDenied", "AccessForbidden"})
# The right that each check needs, in the policies of OSS and S3.
RIGHTS: Final = {
    "storage.put": ("oss:PutObject", "s3:PutObject"),
    "storage.head": ("oss:GetObject", "s3:GetObject"),
    "storage.tag": ("oss:PutObjectTagging", "s3:PutObjectTagging"),
    "storage.tags": ("oss:GetObjectTagging", "s3:GetObjectTagging"),
    "storage.download": ("oss:GetObject", "s3:GetObject"),
    "storage.link": ("oss:GetObject", "s3:GetObject"),
    "storage.list": ("oss:ListObjects", "s3:ListBucket"),
    OWNER_CHECK: ("oss:GetObject", "s3:GetObject"),
    "storage.delete": ("oss:DeleteObject", "s3:DeleteObject"),
    "multipart.start": ("oss:PutObject", "s3:PutObject"),
    "multipart.part": ("oss:PutObject", "s3:PutObject"),
    "multipart.parts": ("oss:ListParts", "s3:ListMultipartUploadParts"),
    "multipart.list": ("oss:ListMultipartUploads", "s3:ListBucketMultipartUploads"),
    "multipart.abort": ("oss:AbortMultipartUpload", "s3:AbortMultipartUpload"),
    "lifecycle": ("oss:GetBucketLifecycle", "s3:GetLifecycleConfiguration"),
}


@runtime_checkable
class ToldOfLifecycle(Protocol):
    """Uploads of a storage that knows its bucket's rules."""

    def stale_upload_days(self, prefix: str) -> int | None:
        """Give the days after which uploads below ``prefix`` are aborted; None = never."""


class _UnexpectedError(Exception):
    """The storage did what was asked, with another result."""


def clock_finding(endpoint_url: str) -> Finding:
    """Compare the clocks of this machine and of the storage."""
    check = "clock"
    try:
        ahead = clock_difference_seconds(endpoint_url)
    except LinkError as error:
        return _failure(check, error.code, error.message)
    if ahead is None:
        return Finding(check=check, status=Status.WARNING, message="the storage tells no time")
    message = f"{abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} the storage's"
    if abs(ahead) < _TOLD_SECONDS:
        message = "as the storage's"
    if abs(ahead) > _REFUSED_SKEW_SECONDS:
        return _failure(check, "RequestTimeTooSkewed", message)
    status = Status.WARNING if abs(ahead) > _NOTED_SKEW_SECONDS else Status.OK
    return Finding(check=check, status=status, message=message)


def storage_findings(storage: ObjectStorage, prefix: str, identity: str) -> Iterator[Finding]:
    """Store, find, tag, download and remove an object below ``prefix``.

    ``identity`` is the task database's, "" while there is none.
    """
    with tempfile.TemporaryDirectory(prefix="rowferry-doctor-") as folder:
        file = Path(folder) / "file"
        new = _probe_object(prefix)
        put = yield from ObjectProbe(storage, new, file).findings()
        if put:
            yield from _owner_findings(storage, prefix, identity)
        if storage.multipart is not None:
            yield from UploadProbe(storage.multipart, new, file).findings()
    if isinstance(storage.multipart, ToldOfLifecycle):
        yield _lifecycle_finding(storage.multipart, prefix)


def _probe_object(prefix: str) -> NewObject:
    # as a task's: a service removes it if this process is stopped before it can
    task_id = make_task_id(time.time_ns() // 1_000_000, secrets.token_bytes(10))
    return NewObject(
        key=storage_key(prefix, task_id, 1, ".txt"),
        content_type="text/plain; charset=utf-8",
        content_disposition=content_disposition(_FILE_NAME),
    )


class ObjectProbe:
    """An object of the doctor's, and what is done with it; ``file`` is written by it."""

    def __init__(self, storage: ObjectStorage, new: NewObject, file: Path) -> None:
        self._storage = storage
        self._new = new
        self._file = file
        self._body = secrets.token_hex(32).encode()
        self._stored = StoredObject(
            key=new.key,
            size_bytes=len(self._body),
            content_type=new.content_type,
            content_disposition=new.content_disposition,
        )

    def findings(self) -> Generator[Finding, None, bool]:
        """Do with an object what is done with a file's; tell whether it could be stored."""
        put = _examined("storage.put", self._put)
        yield from put
        if any(finding.status is Status.FAILED for finding in put):
            with contextlib.suppress(RowferryError):  # it may be there all the same
                self._storage.delete(self._new.key)
            return False
        yield from _examined("storage.head", self._head)
        yield from _examined("storage.tag", self._tag)
        yield from _examined("storage.tags", self._tags)
        yield from _examined("storage.list", self._list)
        yield from _examined("storage.download", self._download)
        yield from _examined("storage.link", self._link)
        yield from _examined("storage.delete", self._delete)
        return True

    def _put(self) -> str:
        self._file.write_bytes(self._body)
        self._storage.put(str(self._file), self._new)
        return self._new.key

    def _head(self) -> str:
        stored = self._storage.head(self._new.key)
        if stored is None:
            raise _UnexpectedError("the object that was just stored is not there")
        if stored.size_bytes != len(self._body):
            raise _UnexpectedError(f"{stored.size_bytes} bytes are there, not {len(self._body)}")
        return f"{stored.size_bytes} bytes"

    def _tag(self) -> str:
        self._storage.set_tags(self._new.key, _TAGS)
        return "written"

    def _tags(self) -> str:
        found = self._storage.tags(self._new.key)
        if not found:
            return "none are kept"
        if dict(found) != _TAGS:
            raise _UnexpectedError("other tags are there than were written")
        return "read back"

    def _list(self) -> str:
        folder = self._new.key.rpartition("/")[0]
        keys = [found.key for found in self._storage.objects(folder)]
        if keys != [self._new.key]:
            raise _UnexpectedError("the object that was just stored is not in the listing")
        return "the object is in the listing"

    def _download(self) -> str:
        with contextlib.closing(self._storage.open_range(self._new.key, 0)) as stream:
            body = b"".join(iter(lambda: stream.read(4096), b""))
        if body != self._body:
            raise _UnexpectedError("other bytes came back than were sent")
        return "every byte came back"

    def _link(self) -> str | None:
        url = self._storage.signed_url(self._stored, _LINK_SECONDS)
        if url is None:
            return None
        answer, host = download(url), urlsplit(url).netloc
        if answer.body != self._body:
            raise _UnexpectedError(f"{host} gives other bytes than were sent")
        if answer.headers.get("content-disposition") != self._new.content_disposition:
            raise _UnexpectedError(f"{host} gives the file without its name")
        return f"{host} gives the file under its name"

    def _delete(self) -> str:
        self._storage.delete(self._new.key)
        if self._storage.head(self._new.key) is not None:
            raise _UnexpectedError("the object is still there")
        return "nothing is left"


class UploadProbe:
    """An upload in parts that is dropped."""

    def __init__(self, uploads: MultipartStorage, new: NewObject, file: Path) -> None:
        self._uploads = uploads
        self._new = new
        self._file = file

    def findings(self) -> Iterator[Finding]:
        """Begin an upload, send a part, list, and drop it."""
        try:
            upload = self._uploads.start(self._new)
        except RowferryError as error:
            yield _failed("multipart.start", error)
            return
        yield Finding(check="multipart.start", status=Status.OK, message="begun")
        yield from _examined("multipart.part", lambda: self._send(upload))
        yield from _examined("multipart.parts", lambda: self._list_parts(upload))
        yield from _examined("multipart.list", lambda: self._list(upload))
        yield from _examined("multipart.abort", lambda: self._abort(upload))

    def _send(self, upload: Upload) -> str:
        size_bytes = self._file.stat().st_size
        with contextlib.closing(FileSpan(self._file, 0, size_bytes)) as source:
            self._uploads.put_part(upload, 1, source)
        return "sent"

    def _list_parts(self, upload: Upload) -> str:
        if [part.number for part in self._uploads.parts(upload)] != [1]:
            raise _UnexpectedError("the part that was sent is not in the listing")
        return "the part is in the listing"

    def _list(self, upload: Upload) -> str:
        folder = upload.key.rpartition("/")[0]
        if upload.upload_id not in {found.upload_id for found in self._uploads.uploads(folder)}:
            raise _UnexpectedError("the upload is not in the listing")
        return "the upload is in the listing"

    def _abort(self, upload: Upload) -> str:
        self._uploads.abort(upload)
        return "dropped"


def _owner_findings(storage: ObjectStorage, prefix: str, identity: str) -> Sequence[Finding]:
    try:
        found = owner_finding(storage, prefix, identity)
    except RowferryError as error:
        return [_failed(OWNER_CHECK, error)]
    return [found] if found else []


def _lifecycle_finding(storage: ToldOfLifecycle, prefix: str) -> Finding:
    check = "lifecycle"
    advice = (
        "Let a lifecycle rule of the bucket abort incomplete multipart uploads after some days:"
        " parts of uploads that nobody ends are paid for, and seen in no listing of objects."
    )
    try:
        days = storage.stale_upload_days(prefix)
    except RowferryError as error:
        # an optional right, to look at what is no duty either
        message = "the bucket's rules could not be read"
        code = code_of(error)
        return Finding(
            check=check, status=Status.WARNING, message=message, code=code, advice=advice
        )
    if days is None:
        message = "no rule aborts stale uploads"
        return Finding(check=check, status=Status.WARNING, message=message, advice=advice)
    return Finding(check=check, status=Status.OK, message=f"stale uploads go after {days} days")


def _examined(check: str, step: Callable[[], str | None]) -> Sequence[Finding]:
    """Give what came of a step: one finding, none if there was nothing to do."""
    try:
        message = step()
    except RowferryError as error:
        return [_failed(check, error)]
    except LinkError as error:
        return [_failure(check, error.code, error.message)]
    except _UnexpectedError as error:
        return [Finding(check=check, status=Status.FAILED, message=str(error))]
    return [Finding(check=check, status=Status.OK, message=message)] if message else []


def _failed(check: str, error: RowferryError) -> Finding:
    return _failure(check, code_of(error), error.message)


def _failure(check: str, code: str, message: str) -> Finding:
    advice = advice_for(code)
    if code in DENIALS and check in RIGHTS:
        advice = f"{advice} This needs {' or '.join(RIGHTS[check])}."
    return Finding(check=check, status=Status.FAILED, message=message, code=code, advice=advice)
