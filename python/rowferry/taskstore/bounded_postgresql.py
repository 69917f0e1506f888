"""Connections to PostgreSQL that do not wait for an answer without an end.

libpq has no time limit of its own: a server that is stopped keeps its TCP connections alive, so
that neither keepalives nor ``tcp_user_timeout`` notice.
"""

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Engine, event

_T = TypeVar("_T")


def bound_answers(engine: Engine, seconds: float) -> None:
    """Have an engine's connections broken off that give no answer for so many seconds."""

    class Bounded(_BoundedConnection):
        answer_seconds = seconds

    def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:  # noqa: ANN401
        return Bounded.connect(*arguments, **options)

    event.listen(engine, "do_connect", connect)


class _BoundedConnection(psycopg.Connection[Any]):
    answer_seconds: float

    def wait(  # what every call of the driver passes through
        self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None
    ) -> _T:
        """Wait for an answer; close the connection and raise OperationalError if none comes."""
        seconds = self.answer_seconds if timeout is None else timeout
        ends_at = time.monotonic() + seconds
        try:
            return super().wait(gen, interval, seconds)
        except psycopg.OperationalError:
            if time.monotonic() >= ends_at:
                self.pgconn.finish()  # a late answer would be taken for that of the next call
            raise
