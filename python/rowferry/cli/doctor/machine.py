"""Checks of this machine: its disks, and the database."""

import math
import os
import sqlite3
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import trio

from rowferry.cli.doctor.finding import Finding, Status
from rowferry.cli.documents import human_bytes
from rowferry.config import Config
from rowferry.config_sources import ConfigError
from rowferry.domain.errors import RowferryError
from rowferry.free_space import disk_free_bytes
from rowferry.spool.database_record import recorded_identity


def disk_findings(config: Config) -> Iterator[Finding]:
    """Look at the folders that the service writes to; none is made."""
    folders = {
        "disk.data": config.data_directory,
        "disk.spool": config.spool_directory,
        "disk.temporary": config.temp_directory,
        "disk.files": config.local_directory,
    }
    for check, folder in folders.items():
        yield _disk_finding(check, folder, config.storage.min_free_bytes)


def _disk_finding(check: str, folder: Path, min_free_bytes: int) -> Finding:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        _write_into(there, is_whole=there == folder)
    except OSError as error:
        message = f"{there} can't be written to: {error.strerror}"
        advice = "Give it to the user that the service runs as, or name another folder."
        return Finding(check=check, status=Status.FAILED, message=message, advice=advice)
    free_bytes = disk_free_bytes(there)
    if free_bytes < min_free_bytes:
        message = f"{human_bytes(int(free_bytes))} free at {folder}, below storage.min_free_bytes"
        advice = "Make room, or exports are refused with DISK_FULL."
        return Finding(check=check, status=Status.FAILED, message=message, advice=advice)
    room = "room unknown" if math.isnan(free_bytes) else f"{human_bytes(int(free_bytes))} free"
    state = "" if there == folder else ", made at the first start"
    return Finding(check=check, status=Status.OK, message=f"{folder}: {room}{state}")


def _write_into(folder: Path, *, is_whole: bool) -> None:
    if not is_whole:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "no right to make folders in it")
        return
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
        probe.write(b"rowferry")
        probe.flush()


def database_findings(config: Config) -> Generator[Finding, None, str]:
    """Ask the database whether it is there, of this release, and the one of the spool's rows.

    Returns its identity; "" if it has none yet, or can't be asked.
    """
    from rowferry.taskstore.addresses import database_address, shown_place  # noqa: PLC0415
    from rowferry.taskstore.schema import needs_upgrade  # noqa: PLC0415  imports SQLAlchemy

    place = shown_place(config.database_url)
    file = database_address(config.database_url)
    if file.drivername == "sqlite" and file.database and not Path(file.database).exists():
        message = f"{place}: none yet, made at the first start"
        yield Finding(check="database.reachable", status=Status.OK, message=message)
        return ""
    try:
        is_old = needs_upgrade(config.database_url)
    except (RowferryError, ConfigError, OSError, sqlite3.Error) as error:
        yield _database_failure("database.reachable", error)
        return ""
    yield Finding(check="database.reachable", status=Status.OK, message=place)
    if is_old:
        advice = "`rowferry migrate` brings it up to this release; the next start does it, too."
        message = "its schema is older than this release, or there is none"
        yield Finding(
            check="database.schema", status=Status.WARNING, message=message, advice=advice
        )
        return ""
    yield Finding(check="database.schema", status=Status.OK, message="of this release")
    try:
        identity = trio.run(_identity, config)
        recorded = recorded_identity(config.spool_directory)
    except (RowferryError, OSError) as error:
        yield _database_failure("database.identity", error)
        return ""
    yield _identity_finding(identity, recorded)
    return identity


def _identity_finding(identity: str, recorded: str) -> Finding:
    check = "database.identity"
    if recorded in {"", identity}:
        return Finding(check=check, status=Status.OK, message=identity)
    message = f"the spool's rows belong to {recorded}, the database is {identity}"
    advice = "Let task_store.url name their database, or move the spool away."
    return Finding(check=check, status=Status.FAILED, message=message, advice=advice)


async def _identity(config: Config) -> str:
    from rowferry.taskstore.sql import open_sql_task_store  # noqa: PLC0415  imports SQLAlchemy

    async with open_sql_task_store(config.database_url, max_connections=1) as store:
        return await store.identity()


def _database_failure(check: str, error: Exception) -> Finding:
    known = isinstance(error, RowferryError)
    return Finding(
        check=check,
        status=Status.FAILED,
        message=error.message if isinstance(error, RowferryError) else str(error),
        code=error.code if isinstance(error, RowferryError) else "",
        advice="docs/configuration.md, Task databases, has addresses and rights." if known else "",
    )
