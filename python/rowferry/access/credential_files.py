"""Clients and tokens of the files, kept current while the service runs."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import trio

from rowferry.access.client_list import ClientList
from rowferry.access.doorkeeper import ClientDoorkeeper
from rowferry.access.refusals import Refusals
from rowferry.access.token_file import TokenRecord, read_tokens
from rowferry.config import Config
from rowferry.config_sources import ConfigError
from rowferry.domain.events import AccessReloaded, AccessReloadFailed
from rowferry.ports import Observer

WATCH_SECONDS: Final = 1.0  # a token is good, or good no more, within two seconds

_Stamp = tuple[int, int, int] | None
_Content = tuple[TokenRecord, ...] | ConfigError | OSError


class CredentialFiles:
    """The doorkeeper's knowledge: the settings' clients, and the file of tokens.

    Raises ConfigError or OSError at the start for files that can't be used.
    Later a file that can't be used changes nothing but the log.
    """

    def __init__(
        self,
        config: Config,
        *,
        observer: Observer,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._tokens_path = config.tokens_path
        self._observer = observer
        self._thread = trio.CapacityLimiter(1)
        self._stamp = _stamp(self._tokens_path)
        self.doorkeeper: Final = ClientDoorkeeper(
            ClientList.of(config.security),
            read_tokens(self._tokens_path),
            refusals=Refusals(observer, clock),
            now=now,
        )

    def prepare(self, config: Config) -> Callable[[], None]:
        """Read the clients and tokens of other settings; give what puts them in force. Blocking.

        Raises ConfigError, OSError; nothing has changed then.
        """
        path = config.tokens_path
        stamp, tokens = _stamp(path), read_tokens(path)
        clients = ClientList.of(config.security)

        def commit() -> None:
            self._tokens_path, self._stamp = path, stamp
            self.doorkeeper.replace_clients(clients)
            self.doorkeeper.replace_tokens(tokens)

        return commit

    async def watch(self) -> None:
        """Take the file of tokens over each time it has changed; runs until it is cancelled."""
        while True:
            await trio.sleep(WATCH_SECONDS)
            path = self._tokens_path
            changed = await trio.to_thread.run_sync(
                _read_if_changed, path, self._stamp, limiter=self._thread
            )
            if changed is None or path != self._tokens_path:
                continue
            self._stamp, content = changed  # what can't be used is left until it changes again
            if isinstance(content, Exception):
                self._observer.observe(AccessReloadFailed(what="tokens", message=str(content)))
            else:
                self.doorkeeper.replace_tokens(content)
                self._observer.observe(AccessReloaded(what="tokens"))


def _read_if_changed(path: Path, known: _Stamp) -> tuple[_Stamp, _Content] | None:
    stamp = _stamp(path)  # before the content: a change in between is seen the next time
    if stamp == known:
        return None
    try:
        return stamp, read_tokens(path)
    except (ConfigError, OSError) as error:
        return stamp, error


def _stamp(path: Path) -> _Stamp:
    """Give what changes with a file's content: it is renamed into place, whole."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns, status.st_size
