"""Commands that run or tend the service on this machine."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import msgspec

from rowferry.cli.outcome import CommandError, ExitCode, print_json, reported
from rowferry.config import Config, shown_settings
from rowferry.config_loading import load
from rowferry.config_sources import ConfigError
from rowferry.domain.errors import RowferryError


def serve(config_file: Path | None) -> NoReturn:
    """Check the settings, then become the service: same process, without what commands import."""
    loaded_config(config_file, as_json=False)
    file = [str(config_file)] if config_file else []
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "rowferry.service", *file])  # noqa: S606  itself


def check_config(config_file: Path | None, *, as_json: bool) -> None:
    """Print all settings in force, or every problem; what is doubtful goes to stderr."""
    from rowferry.cli.doctor.security import security_findings  # noqa: PLC0415  of two commands

    config = loaded_config(config_file, as_json=as_json)
    settings = shown_settings(config)
    for finding in security_findings(config):
        if finding.status != "ok":
            sys.stderr.write(f"rowferry: {finding.check}: {finding.message}\n")
    if as_json:
        print_json(settings)
    else:
        for name, value in settings.items():
            print(f"{name} = {msgspec.json.encode(value).decode()}")  # noqa: T201  the answer


def migrate(config_file: Path | None, *, as_json: bool) -> None:
    """Bring the database to the newest schema."""
    config = loaded_config(config_file, as_json=as_json)
    from rowferry.taskstore.schema import HEAD, upgrade  # noqa: PLC0415  imports SQLAlchemy

    try:
        if not config.task_store.url:
            config.data_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        upgrade(config.database_url)
    except RowferryError as exc:
        error = CommandError(ExitCode.USAGE, exc.code, exc.message, exc.context)
        raise reported(error, as_json=as_json) from exc
    except (ConfigError, OSError) as exc:
        raise reported(unusable(exc), as_json=as_json) from exc
    if as_json:
        print_json({"schema": HEAD})
    else:
        print(f"The database has schema {HEAD}.")  # noqa: T201  the answer


def loaded_config(config_file: Path | None, *, as_json: bool) -> Config:
    """Read the settings; end the process if they can't be used."""
    try:
        return load(config_file, os.environ)
    except ConfigError as exc:
        raise reported(unusable(exc), as_json=as_json) from exc


def unusable(failure: ConfigError | OSError) -> CommandError:
    """Build the end of a command that has no use for its settings, or for a file they name."""
    return CommandError(ExitCode.USAGE, "CONFIGURATION", str(failure))
