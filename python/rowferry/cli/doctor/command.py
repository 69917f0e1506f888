"""The command: every finding as it is made, and the exit code."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from rowferry.cli.doctor.finding import Finding, Status, show
from rowferry.cli.doctor.machine import database_findings, disk_findings
from rowferry.cli.doctor.security import security_findings
from rowferry.cli.doctor.storage import clock_finding, storage_findings
from rowferry.cli.operation import loaded_config, unusable
from rowferry.cli.outcome import ExitCode, reported
from rowferry.config import Config, settings
from rowferry.config_sources import ConfigError
from rowferry.storage.configured import open_bucket
from rowferry.storage.local_disk import LocalDiskStorage


def examine(config_file: Path | None, *, as_json: bool) -> NoReturn:
    """Print what is found; exit code 1 if a check failed, 2 for settings that can't be used."""
    config = loaded_config(config_file, as_json=as_json)
    failed = False
    try:
        for finding in _findings(config):
            show(finding, as_json=as_json)
            failed = failed or finding.status is Status.FAILED
    except ConfigError as exc:
        raise reported(unusable(exc), as_json=as_json) from exc
    raise SystemExit(ExitCode.EXPORT_FAILED if failed else ExitCode.DONE)


def _findings(config: Config) -> Iterator[Finding]:
    message = f"{len(settings())} settings, storage.backend = {config.storage.backend}"
    yield Finding(check="configuration", status=Status.OK, message=message)
    yield from security_findings(config)
    yield from disk_findings(config)
    identity = yield from database_findings(config)
    storage = open_bucket(config)
    if storage is not None:
        yield clock_finding(_endpoint_url(config))
    elif config.local_directory.is_dir():  # else it is made by the first start
        storage = LocalDiskStorage(config.local_directory)
    if storage is not None:
        yield from storage_findings(storage, config.uploads.prefix, identity)


def _endpoint_url(config: Config) -> str:
    if config.storage.backend == "oss":
        return config.oss.endpoint_url
    return config.s3.endpoint_url or f"https://s3.{config.s3.region}.amazonaws.com"
