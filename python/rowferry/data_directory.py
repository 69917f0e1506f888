"""The adapters of the embedded default: all under one folder, held by one service."""

import fcntl
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Final

import trio

from rowferry.access.credential_files import CredentialFiles
from rowferry.access.everybody import Everybody
from rowferry.access.limited import LimitedDoorkeeper
from rowferry.clock import utc_now
from rowferry.composition import Adapters
from rowferry.config import Config
from rowferry.config_sources import ConfigError, Problem
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.node import Node
from rowferry.free_space import FreeSpace
from rowferry.ports import Observer, RowWriters, Storages, TaskQueue, TaskStore
from rowferry.providers.configured import configured_providers
from rowferry.providers.registry import ProviderRegistry, installed_providers
from rowferry.spool.database_record import require_same_database
from rowferry.spool.disk import DiskSpool
from rowferry.spool.room import SpoolLimits
from rowferry.spool.row_bodies import CoreBodies
from rowferry.status.http_links import MIN_SECRET_BYTES, LinkSealer, load_or_create_secret
from rowferry.storage.configured import open_storages
from rowferry.taskqueue.database import DatabaseTaskQueue
from rowferry.taskqueue.memory import MemoryTaskQueue
from rowferry.taskstore.addresses import shown_place
from rowferry.taskstore.schema import needs_upgrade
from rowferry.taskstore.sql import open_sql_task_store
from rowferry.writers.registry import WriterRegistry, core_formats
from rowferry.writers.sparing import SparingWriters

# the address goes over standard input: a database's may hold a password
_MIGRATE: Final = """
import sys
from rowferry.taskstore.schema import upgrade
upgrade(sys.stdin.read())
"""


class DataDirectoryInUseError(Exception):
    """Another service works in the data directory."""


@contextmanager
def hold_data_directory(config: Config) -> Iterator[None]:
    """Make the data directory and keep other services out of it; raise DataDirectoryInUseError."""
    config.data_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (config.data_directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another service works in {config.data_directory}"
            raise DataDirectoryInUseError(message) from error
        yield


@asynccontextmanager
async def open_adapters(config: Config, observer: Observer) -> AsyncIterator[Adapters]:
    """Open the database, the spool, the storage and the links' secret; close them at the end.

    Raises OtherDatabaseError for rows in the spool that belong to another database.
    """
    await migrate(config.database_url)
    async with open_sql_task_store(
        config.database_url,
        lease_seconds=config.lease.seconds,
        max_connections=config.task_store.max_connections,
        call_seconds=config.task_store.call_timeout_seconds,
    ) as store:
        spool = _disk_spool(config)
        place = shown_place(config.database_url)
        await require_same_database(config.spool_directory, spool.task_ids(), store, place)
        node = this_node(config)
        credentials = _credential_files(config, observer)
        doorkeeper = credentials.doorkeeper if credentials else Everybody()
        yield Adapters(
            store=store,
            queue=_task_queue(config, store, node, observer),
            spool=spool,
            bodies=CoreBodies(config.server.max_message_bytes),
            writers=_writers(config),
            storages=Storages(primary=config.storage.backend, by_name=open_storages(config)),
            providers=ProviderRegistry(
                [*configured_providers(config.providers), *installed_providers()]
            ),
            links=LinkSealer(link_secrets(config), config.server.public_url),
            observer=observer,
            node=node,
            doorkeeper=LimitedDoorkeeper(doorkeeper, doorkeeper, now=time.monotonic),
            client_rules=doorkeeper,
            credentials=credentials,
        )


def _credential_files(config: Config, observer: Observer) -> CredentialFiles | None:
    if not config.security.auth_enabled:
        return None
    return CredentialFiles(config, observer=observer, now=utc_now, clock=time.monotonic)


def _task_queue(config: Config, store: TaskStore, node: Node, observer: Observer) -> TaskQueue:
    if config.task_queue.engine == "database":
        return DatabaseTaskQueue(partial(store.reserve, node.lease_owner), observer)
    return MemoryTaskQueue()


def _disk_spool(config: Config) -> DiskSpool:
    limits = SpoolLimits(
        max_bytes_per_task=config.spool.max_bytes_per_task,
        max_bytes=config.spool.max_bytes,
        fsync=config.spool.fsync,
    )
    free_space = FreeSpace(config.spool_directory, config.storage.min_free_bytes)
    return DiskSpool(config.spool_directory, limits, free_space)


def _writers(config: Config) -> RowWriters:
    formats = WriterRegistry(core_formats(config.encoder_threads))
    free_space = FreeSpace(config.temp_directory, config.storage.min_free_bytes)
    return SparingWriters(formats, free_space)


async def migrate(database_url: str) -> None:
    """Bring the database up to the code, in a process of its own that takes Alembic along."""
    limiter = trio.CapacityLimiter(1)
    if not await trio.to_thread.run_sync(needs_upgrade, database_url, limiter=limiter):
        return
    try:
        await trio.run_process(
            [sys.executable, "-c", _MIGRATE],
            stdin=database_url.encode(),
            capture_stderr=True,
        )
    except subprocess.CalledProcessError as error:
        message = "The task database could not be brought up to date: run `rowferry migrate`."
        raise RowferryError(ErrorCode.INTERNAL, message) from error


def this_node(config: Config) -> Node:
    """Give the node that the data directory makes: its id is made once; raise OSError."""
    path = config.node_id_path
    if not path.exists():
        # whole or not at all: a node with half an id would not find its tasks again
        made = path.with_suffix(".new")
        made.write_text(secrets.token_hex(8))
        made.rename(path)
    return Node(
        id=path.read_text().strip(),
        process=secrets.token_hex(4),
        address=config.server.node_address,
    )


def link_secrets(config: Config) -> list[bytes]:
    """Give the secrets of download links: those of the settings, else the file's, made once.

    Raises ConfigError for a file that holds too little, OSError for one that can't be used.
    """
    configured = [secret.encode() for secret in config.security.link_secrets]
    try:
        return configured or [load_or_create_secret(config.link_secret_path)]
    except ValueError as error:
        problem = Problem(
            source=str(config.link_secret_path),
            key="security.link_secret_file",
            expected=f"at least {MIN_SECRET_BYTES} bytes",
            got="fewer",
        )
        raise ConfigError((problem,)) from error
