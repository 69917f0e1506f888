"""Files go into storage, and what no task has recorded is swept from it."""

from rowferry.composition.shared import Shared
from rowferry.config import Config
from rowferry.domain.multipart import UploadPolicy
from rowferry.export.storage_sweep import StorageSweep
from rowferry.export.uploader import Uploader
from rowferry.status.direct_links import MAX_SIGNED_SECONDS


def make_uploader(shared: Shared) -> Uploader:
    """Build who brings files into storage."""
    return Uploader(
        storages=shared.adapters.storages,
        policy=_upload_policy(shared.config),
        calls=shared.storage_calls,
        writers=shared.adapters.writers,
        journal=shared.journal,
        cleanup=shared.cleanup,
        observer=shared.adapters.observer,
        writer_threads=shared.limiters.writer_threads,
        link_expiry_seconds=_link_expiry_seconds(shared.config),
        file_seconds=shared.config.retention.file_seconds,
    )


def make_storage_sweep(shared: Shared) -> StorageSweep:
    """Build who removes uploads and objects that no task has recorded."""
    return StorageSweep(
        store=shared.adapters.store,
        storages=shared.adapters.storages,
        prefix=shared.config.uploads.prefix,
        calls=shared.storage_calls,
        observer=shared.adapters.observer,
        lease_seconds=shared.config.lease.seconds,
        now=shared.adapters.now,
    )


def _upload_policy(config: Config) -> UploadPolicy:
    """Give the settings of the chosen storage that uploads go by."""
    uploads = config.uploads
    return UploadPolicy(
        prefix=uploads.prefix,
        upload_while_writing=config.storage.upload_while_writing,
        part_bytes=uploads.part_bytes,
        multipart_threshold_bytes=uploads.multipart_threshold_bytes,
        parallel_parts=uploads.parallel_parts,
        upload_timeout_seconds=uploads.upload_timeout_seconds,
        falls_back=uploads.fallback == "local",
    )


def _link_expiry_seconds(config: Config) -> int:
    """Give how long links work: for no longer than signatures do, where links are such."""
    wanted = config.storage.link_expiry_seconds
    is_signed = config.storage.direct_links and not config.uploads.public_bucket
    return min(wanted, MAX_SIGNED_SECONDS) if is_signed else wanted
