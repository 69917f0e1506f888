"""The table that each client is held to, ``clients/conformance.json`` (see clients/README.md)."""

import hashlib
import json
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.clients.program import Told

TABLE: Final = Path(__file__).parents[2] / "clients/conformance.json"

Case = dict[str, Any]


def cases() -> list[Case]:
    """Give all cases."""
    found: list[Case] = json.loads(TABLE.read_text("utf-8"))["cases"]
    return found


def generated_rows(count: int) -> Iterator[list[Any]]:
    """Give the rows that a case's ``generated`` asks for."""
    for n in range(1, count + 1):
        yield [n, f'行 {n}, "x"', n * 7919 % 100_003, None if n % 16 == 0 else n % 2 == 0]


def by_case(told: Iterable[Told]) -> dict[str, Told]:
    """Read what a program said of each case, by the case's name."""
    said: dict[str, Told] = {}
    name = ""
    for event in told:
        if event["event"] == "case":
            name = event["name"]
        else:
            said[name] = event
    return said


def assert_said(said: Told, case: Case, *, failed: str) -> None:
    """Judge what a client said of a case; ``failed`` is its class for tasks without a file."""
    if "error" in case:
        expected = case["error"]
        assert (said["event"], said["code"]) == ("failed", expected["code"]), said
        assert said["context"] == said["context"] | expected["context"]
        assert (said["class"] == failed) == ("task" in expected)
        assert said["request_id"]
        return
    assert said["event"] == "done", said
    with urllib.request.urlopen(said["url"]) as answer:  # noqa: S310  the service's own link
        assert_file(answer.read(), case)


def assert_file(content: bytes, case: Case) -> None:
    """Compare a file with the one that a case names."""
    if "expected_csv" in case:
        assert content.decode() == case["expected_csv"]
    else:
        assert hashlib.sha256(content).hexdigest() == case["expected_sha256"]
