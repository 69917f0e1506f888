"""How many threads there are, by what they do."""

from dataclasses import dataclass
from typing import Final

import trio

from rowferry.config import Config

PROVIDER_CALL_THREADS: Final = 8
# They only wait for the disk; logs that are synced at once share a commit of its journal.
SYNC_THREADS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiters:
    """The threads there are, by what they do; nothing else starts any, but for the task store."""

    spool_threads: trio.CapacityLimiter
    sync_threads: trio.CapacityLimiter
    writer_threads: trio.CapacityLimiter
    upload_threads: trio.CapacityLimiter
    download_threads: trio.CapacityLimiter
    provider_threads: trio.CapacityLimiter  # one an export, for as long as it is read
    provider_call_threads: trio.CapacityLimiter  # short questions, and cancellations


def limiters_for(config: Config) -> Limiters:
    """Size the thread limiters."""
    return Limiters(
        spool_threads=trio.CapacityLimiter(max(2, config.writer_threads)),
        sync_threads=trio.CapacityLimiter(SYNC_THREADS),
        writer_threads=trio.CapacityLimiter(config.writer_threads),
        upload_threads=trio.CapacityLimiter(config.concurrency.upload_threads),
        download_threads=trio.CapacityLimiter(config.concurrency.upload_threads),
        provider_threads=trio.CapacityLimiter(config.provider_threads),
        provider_call_threads=trio.CapacityLimiter(PROVIDER_CALL_THREADS),
    )
