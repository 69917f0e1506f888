"""What one check of the doctor found, for people and for programs."""

import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from rowferry.cli.outcome import print_json


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``code`` is the storage's or the service's own word for a failure; ``advice`` what to do."""

    check: str
    status: Status
    message: str
    code: str = ""
    advice: str = ""


_COLOURS: Final = {Status.OK: "32", Status.WARNING: "33", Status.FAILED: "31"}


def show(finding: Finding, *, as_json: bool) -> None:
    """Print a finding on one line, and its advice on the next."""
    if as_json:
        print_json(asdict(finding))
        return
    word = f"{finding.status:<8}"
    if sys.stdout.isatty():
        word = f"\x1b[{_COLOURS[finding.status]}m{word}\x1b[0m"
    code = f" ({finding.code})" if finding.code else ""
    print(f"{word} {finding.check:<20} {finding.message}{code}", flush=True)  # noqa: T201  the answer
    if finding.advice:
        print(f"{'':<9}{'':<20} -> {finding.advice}", flush=True)  # noqa: T201  the answer
