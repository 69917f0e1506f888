"""What the exports are given from outside."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rowferry.access.credential_files import CredentialFiles
from rowferry.clock import utc_now
from rowferry.domain.node import Node
from rowferry.ports import (
    ClientRulesSource,
    DataProviders,
    Doorkeeper,
    Observer,
    RowBodies,
    RowSpool,
    RowWriters,
    Storages,
    TaskQueue,
    TaskStore,
)
from rowferry.status.http_links import LinkSealer


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What the use cases stand on."""

    store: TaskStore
    queue: TaskQueue
    spool: RowSpool
    bodies: RowBodies
    writers: RowWriters
    storages: Storages
    providers: DataProviders
    links: LinkSealer
    observer: Observer
    node: Node
    doorkeeper: Doorkeeper
    client_rules: ClientRulesSource
    credentials: CredentialFiles | None = None  # of callers who have to say who they are
    now: Callable[[], datetime] = utc_now
