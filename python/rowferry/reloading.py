"""Who may pass, read again while the service runs: on SIGHUP."""

from collections.abc import Callable
from contextlib import suppress

import trio

from rowferry.access.credential_files import CredentialFiles
from rowferry.config import Config
from rowferry.config_sources import ConfigError, Problem
from rowferry.domain.events import AccessReloaded, AccessReloadFailed
from rowferry.port_tls import PortTls
from rowferry.ports import Observer

Commit = Callable[[], None]


class AccessReload:
    """Reads the settings again when it is asked to: clients, tokens, certificates.

    All of it comes into force or nothing does. Connections go on; the next call is judged by what
    is in force then, the next handshake shows the new certificate. ``reread`` gives the settings,
    blocking; it raises ConfigError.
    """

    def __init__(self, reread: Callable[[], Config]) -> None:
        self._reread = reread
        self._thread = trio.CapacityLimiter(1)
        # one more while one is under way; a third has nothing to add
        self._ask, self._asked = trio.open_memory_channel[None](1)

    def ask(self) -> None:
        """Have the settings read; returns at once."""
        with suppress(trio.WouldBlock):  # it will be read after this moment anyway
            self._ask.send_nowait(None)

    async def run(
        self, credentials: CredentialFiles | None, tls: PortTls, observer: Observer
    ) -> None:
        """Read the settings each time it is asked for; runs until it is cancelled."""
        async for _ in self._asked:
            try:
                commits = await trio.to_thread.run_sync(
                    self._prepared, credentials, tls, limiter=self._thread
                )
            except (ConfigError, OSError, ValueError) as error:  # ValueError: a path with a NUL
                observer.observe(AccessReloadFailed(what="settings", message=str(error)))
                continue
            for commit in commits:
                commit()
            observer.observe(AccessReloaded(what="settings"))

    def _prepared(self, credentials: CredentialFiles | None, tls: PortTls) -> list[Commit]:
        config = self._reread()
        if config.security.auth_enabled != (credentials is not None):
            problem = Problem(
                source="settings",
                key="security.auth_enabled",
                expected="what it was at the start: it is changed by a restart",
                got=str(config.security.auth_enabled).lower(),
            )
            raise ConfigError((problem,))
        commits = [tls.prepare(config.security)]
        if credentials is not None:
            commits.append(credentials.prepare(config))
        return commits
