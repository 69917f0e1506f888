"""docs/errors.md, written from the catalogue and the table of statuses.

``just docs`` writes it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rowferry.domain.error_catalogue import CATALOGUE, CONTEXT_KEYS, CONTEXT_OF_EVERY_CODE
from rowferry.domain.errors import ErrorCode
from rowferry.wire.error_status import close_code, grpc_status, http_status

PAGE: Final = Path(__file__).parents[2] / "docs" / "errors.md"

_INTRODUCTION: Final = """\
# Error codes

<!-- Written by `just docs` from rowferry/domain/error_catalogue.py and rowferry/wire/error_status.py. -->

Every failure has a stable code, one public sentence and a context of text values. A code never
changes its meaning. Sentences say what happened to this request and may change: programs go by the
code. Neither sentence nor context ever holds a secret, a stack trace or a whole cell.

Over gRPC a refused call ends with the status below, the trailer `rowferry-code` and a
`google.rpc.ErrorInfo` in `grpc-status-details-bin` (reason = code, metadata = context). A task that
failed is the stream's last message, `result` with FAILED and the code, and the call's status is OK.
Over HTTP: `{"error": {"code": "...", "message": "...", "context": {...}}}`, and where HTTP has a
status of its own (405, 406, 410, 412, 415, 416), that one. A WebSocket has the same document as its
last message, `{"type": "error", "error": {...}}`, and then the close code.

Again: *service* = a task that fails with it is tried again by itself, and a call that is refused with
it may be repeated; *client* = the client gets on by trying again, as the last column says; *no* = the
same would fail again.

"""  # noqa: E501  lines of the page

_CONTEXT: Final = """
## Context

Keys that a code may have in its context; one is there when it is known. Every code may
have {common}.

| key | what it is | with |
|---|---|---|
"""


def error_page() -> str:
    """Give the page."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield from _INTRODUCTION.splitlines()
    yield "| code | gRPC | HTTP | WebSocket | again | what it means | what to do |"
    yield "|---|---|---|---|---|---|---|"
    yield from map(_code_row, ErrorCode)
    common = ", ".join(f"`{key}`" for key in CONTEXT_OF_EVERY_CODE)
    yield from _CONTEXT.format(common=common).splitlines()
    yield from map(_key_row, CONTEXT_KEYS)


def _code_row(code: ErrorCode) -> str:
    entry = CATALOGUE[code]
    cells = [
        f"`{code}`",
        grpc_status(code).name,
        str(http_status(code)),
        str(close_code(code)),
        entry.tried_again,
        entry.meaning,
        entry.remedy,
    ]
    return f"| {' | '.join(cells)} |"


def _key_row(key: str) -> str:
    codes = [f"`{code}`" for code in ErrorCode if key in CATALOGUE[code].context]
    every = key in CONTEXT_OF_EVERY_CODE
    return f"| `{key}` | {CONTEXT_KEYS[key]} | {'every code' if every else ', '.join(codes)} |"


if __name__ == "__main__":
    PAGE.write_text(error_page(), encoding="utf-8")
