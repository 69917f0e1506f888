"""Addresses of task databases: which there are, and what is added to them.

Options in an address are the driver's own, TLS's among them: for PostgreSQL those of libpq
(https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS), for MySQL those
of PyMySQL.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from rowferry.config_sources import ConfigError, Problem

_EXPECTED: Final = "sqlite:///FILE, postgresql+psycopg://… or mysql+pymysql://…"
_SQLITE: Final = "sqlite"
CALL_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 10.0
_CONNECT_MIN_SECONDS: Final = 2.0  # of libpq
# A server that is gone without a word must not be waited for without an end.
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "postgresql+psycopg": {
            "keepalives_idle": "30",
            "keepalives_interval": "10",
            "keepalives_count": "3",
            "tcp_user_timeout": "30000",
            "application_name": "rowferry",
        },
        "mysql+pymysql": {},
    }
)


def database_address(text: str, *, call_seconds: float = CALL_SECONDS) -> URL:
    """Read an address and add the options that it leaves open.

    A server has ``call_seconds`` for an answer; one of PostgreSQL is held to that by
    ``bounded_postgresql``. Raises ConfigError for an address that can't be used; it shows no more
    than the scheme, because the rest may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise unusable_address("something else") from None
    if url.drivername == _SQLITE and not url.host:
        if url.database in {None, "", ":memory:"}:
            raise unusable_address("no file")
        return url
    if url.drivername not in _OPTIONS:
        raise unusable_address(f"{url.drivername}://…")
    if not url.database:
        raise unusable_address("no database's name")
    waits = _waits(url.drivername, call_seconds)
    return url.set(query={**_OPTIONS[url.drivername], **waits, **url.query})


def _waits(driver: str, call_seconds: float) -> Mapping[str, str]:
    connect = max(_CONNECT_MIN_SECONDS, min(CONNECT_SECONDS, call_seconds))
    waits = {"connect_timeout": f"{math.ceil(connect)}"}
    if driver == "mysql+pymysql":
        seconds = f"{math.ceil(call_seconds)}"
        waits |= {"read_timeout": seconds, "write_timeout": seconds}
    return waits


def shown_place(text: str) -> str:
    """Tell where a database is, without who uses it and with what password or options."""
    url = make_url(text)
    place = URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
    return place.render_as_string()


def unusable_address(got: str, expected: str = _EXPECTED) -> ConfigError:
    """Build the refusal of the setting."""
    problem = Problem(source="settings", key="task_store.url", expected=expected, got=got)
    return ConfigError((problem,))
