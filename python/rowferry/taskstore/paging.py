"""What lists have in common: page sizes, the search in names, tokens that continue one query.

A token is the id of the last task shown and a fingerprint of who asked for what, 32 characters of
base64url. It is no secret and no proof: the client's filter applies to every page anyhow.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rowferry.domain.errors import RowferryError, invalid_metadata
from rowferry.domain.naming import MAX_FILENAME_BYTES, holds_controls
from rowferry.domain.task import Task
from rowferry.ports import TaskPage, TaskQuery

DEFAULT_PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 500
_ID_BYTES: Final = 16
_FINGERPRINT_BYTES: Final = 8


def page_size_of(query: TaskQuery) -> int:
    """Give the tasks of one page: 0 asks for the default, the rest is held to 1..500."""
    return max(1, min(query.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE))


def page_of(client: str, query: TaskQuery, found: Sequence[Task]) -> TaskPage:
    """Make a page of the tasks found, newest first: one more than its size tells of a next one."""
    page_size = page_size_of(query)
    tasks = tuple(found[:page_size])
    more = len(found) > page_size
    return TaskPage(
        tasks=tasks, next_page_token=_token(client, query, tasks[-1].id) if more else ""
    )


def last_shown_task_id(client: str, query: TaskQuery) -> str | None:
    """Read the query's token; None for the first page, INVALID_METADATA for a foreign token."""
    if not query.page_token:
        return None
    try:
        token = base64.b64decode(query.page_token, altchars=b"-_", validate=True)
    except ValueError as error:
        raise _foreign_token() from error
    if token[_ID_BYTES:] != _fingerprint(client, query):
        raise _foreign_token()
    return token[:_ID_BYTES].hex()


def folded(text: str) -> str:
    """Give the form in which file names are searched: letters of any script without their case."""
    return text.casefold()


def searched_name(query: TaskQuery) -> str:
    """Give the folded text that names are to hold; INVALID_METADATA for what no name can hold.

    SQLite's LIKE would end a text at a NUL, and fail with one of 50,000 bytes.
    """
    text = query.filename_contains
    if holds_controls(text) or len(text.encode()) > MAX_FILENAME_BYTES:
        message = f"filename_contains is printable text of at most {MAX_FILENAME_BYTES} bytes."
        raise invalid_metadata("filename_contains", message, got=text)
    return folded(text)


def _token(client: str, query: TaskQuery, last_task_id: str) -> str:
    token = bytes.fromhex(last_task_id) + _fingerprint(client, query)
    return base64.urlsafe_b64encode(token).decode()


def _fingerprint(client: str, query: TaskQuery) -> bytes:
    filters = [
        client,
        sorted(query.states),
        sorted(query.formats),
        query.filename_contains,
        query.owner,
        _text(query.created_after),
        _text(query.created_before),
    ]
    return hashlib.sha256(json.dumps(filters).encode()).digest()[:_FINGERPRINT_BYTES]


def _text(time: datetime | None) -> str:
    return "" if time is None else str(time.timestamp())


def _foreign_token() -> RowferryError:
    return invalid_metadata("page_token", "page_token is not one that this list gave.")
