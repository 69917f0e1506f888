"""Whose a storage is: what no task has recorded is removed by one database's services only."""

from contextlib import closing
from typing import Final

from rowferry.cli.doctor.finding import Finding, Status
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.export.storage_sweep import IDENTITY_MAX_BYTES, OWNER_NAME
from rowferry.ports import ObjectStorage

CHECK: Final = "storage.owner"


def owner_finding(storage: ObjectStorage, prefix: str, identity: str) -> Finding | None:
    """Compare a storage's owner with the task database, "" = not made yet; None if it has none.

    Raises what the storage raises.
    """
    key = f"{prefix}/{OWNER_NAME}"
    owner = _owner(storage, key)
    if owner is None:
        return None
    if owner == identity:
        return Finding(check=CHECK, status=Status.OK, message="this task database")
    here = f"this one is {identity}" if identity else "there is none here yet"
    return Finding(
        check=CHECK,
        status=Status.FAILED if identity else Status.WARNING,
        message=f"{prefix}/ belongs to the task database {owner}, {here}",
        advice=(
            "Files are stored all the same, but orphans stay. Give each task database a prefix or"
            f" a bucket of its own, or remove {key} if its database is gone for good."
        ),
    )


def _owner(storage: ObjectStorage, key: str) -> str | None:
    try:
        with closing(storage.open_range(key, 0)) as stream:
            return stream.read(IDENTITY_MAX_BYTES).decode(errors="replace").strip()
    except RowferryError as error:
        if error.code is ErrorCode.NOT_FOUND:
            return None
        raise
