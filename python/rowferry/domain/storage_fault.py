"""What can go wrong with an object storage, told apart by what helps against it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from rowferry.domain.errors import ErrorCode, RowferryError


class FaultKind(StrEnum):
    """What helps against a failure of the storage."""

    TRANSIENT = "transient"  # trying again: busy, broken for a moment, a connection lost
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  a word; trying again with fresh credentials
    CLOCK_SKEWED = "clock_skewed"  # setting this machine's clock; once more is worth a try
    UPLOAD_GONE = "upload_gone"  # no such multipart upload: completed, aborted or never there
    PART_LOST = "part_lost"  # sending parts again: the storage lacks some of those listed
    ALREADY_THERE = "already_there"  # the key has an object, which is never overwritten
    REFUSED = "refused"  # nothing but an operator: credentials, rights, bucket, endpoint


class StorageFault(RowferryError):  # noqa: N818  the word for what is no defect of ours
    """A failure of a storage: STORAGE_UNAVAILABLE, or UPLOAD_FAILED where only the upload failed.

    ``reason`` is the storage's own name for it (``AccessDenied``, ``NoSuchUpload``) or "" when it
    did not answer.
    """

    def __init__(
        self,
        kind: FaultKind,
        message: str,
        *,
        reason: str = "",
        context: Mapping[str, object] | None = None,
        code: ErrorCode = ErrorCode.STORAGE_UNAVAILABLE,
    ) -> None:
        named = {"storage_code": reason} if reason else {}
        super().__init__(code, message, {**named, **(context or {})})
        self.kind: Final = kind
        self.reason: Final = reason
