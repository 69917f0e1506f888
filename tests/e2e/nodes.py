"""Several services that share a database and the storage of finished files."""

import json
import shutil
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from rowferry.export.storage_sweep import OWNER_NAME
from rowferry.v1 import export_pb2 as pb
from tests.e2e import numbered_rows
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import ServiceProcess, running_service

LEASE_SECONDS: Final = 2
_METADATA: Final = """\
Metadata-Version: 2.1
Name: numbered-rows
Version: 1.0
"""
_ENTRY_POINTS: Final = """\
[rowferry.providers]
numbered_rows = numbered_rows:NumberedRows
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What the nodes share."""

    folder: Path
    database_url: str

    @property
    def files(self) -> Path:
        """The storage of finished files."""
        return self.folder / "files"

    def stored_keys(self) -> set[str]:
        """Name the finished files that there are."""
        paths = [path for path in self.files.rglob("*") if path.is_file()]
        objects = [path for path in paths if path.name != OWNER_NAME]
        return {str(p.relative_to(self.files)) for p in objects if not p.name.startswith(".")}

    def data_directory(self, name: str) -> Path:
        """Give a node's own folder."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    @contextmanager
    def node(
        self, name: str, settings: Mapping[str, object] | None = None
    ) -> Iterator[ServiceProcess]:
        """Run a node until the block ends; its data directory outlives it."""
        shared = {
            "task_store.url": self.database_url,
            "task_queue.engine": "database",
            "storage.local_directory": self.files,
            "security.link_secret": "a secret that all nodes share",
            "server.node_address": address_of(name),
            "server.shutdown_grace_seconds": 1,
            "lease.seconds": LEASE_SECONDS,
            "lease.heartbeat_seconds": LEASE_SECONDS / 4,
            "retry.base_seconds": 0.1,
            "logging.level": "debug",
        }
        with running_service(
            self.data_directory(name),
            {**shared, **(settings or {})},
            packages=self._installed_provider(),
        ) as service:
            yield service

    def _installed_provider(self) -> Path:
        """Make a folder of packages with the provider in it, as if it had been installed there."""
        folder = self.folder / "site-packages"
        about = folder / "numbered_rows-1.0.dist-info"
        about.mkdir(parents=True, exist_ok=True)
        (about / "METADATA").write_text(_METADATA)
        (about / "entry_points.txt").write_text(_ENTRY_POINTS)
        shutil.copy(numbered_rows.__file__, folder)
        return folder


def address_of(name: str) -> str:
    """Give the address that clients of a node are told; nobody dials it here."""
    return f"{name}.example:9090"


def create_pulled(
    client: GrpcioClient,
    *,
    first: int,
    rows: int,
    seconds_per_batch: float = 0.0,
    gate: Path | None = None,
) -> str:
    """Ask for an export of numbers and give its task's id.

    With a ``gate`` it gets no further than its second batch until there is a file of that name.
    """
    parameters = {
        "first": first,
        "rows": rows,
        "seconds_per_batch": seconds_per_batch,
        "gate": str(gate or ""),
    }
    request = pb.CreateExportRequest(
        metadata=pb.ExportMetadata(
            request_id=uuid4().hex, format=pb.CSV, filename=f"numbers from {first}"
        ),
        provider="numbered_rows",
        parameters_json=json.dumps(parameters),
    )
    return client.create(request).task_id


def content_of(status: pb.TaskStatus) -> bytes:
    """Fetch a completed export's file by its link."""
    with urllib.request.urlopen(status.oss_url, timeout=30) as answer:  # noqa: S310  our own
        content: bytes = answer.read()
    return content
