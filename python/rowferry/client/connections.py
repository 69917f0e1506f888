"""Connections to the service's nodes: made when needed, kept, made again when they broke."""

import ssl
from collections import defaultdict
from typing import Final, Protocol

import trio

from rowferry.client.address import Address, parse_address
from rowferry.client.channel import CONNECT_TIMEOUT_SECONDS
from rowferry.client.errors import UnreachableError
from rowferry.client.home_process import HomeProcess
from rowferry.client.retries import Retries
from rowferry.client.service_calls import ServiceCalls, open_calls


class Nodes(Protocol):
    """Where an export finds the service."""

    async def calls(self, node: str = "") -> ServiceCalls:
        """Give a connection to a node, "" = any; raise UnreachableError if there is none."""


class Connections:
    """One connection to each node that was asked for, in a nursery of the client's."""

    def __init__(
        self, nursery: trio.Nursery, home: Address, *, tls: ssl.SSLContext | None, token: str
    ) -> None:
        self.home: Final = HomeProcess()
        self._nursery = nursery
        self._home = home
        self._tls = tls
        self._token = token
        self._open: dict[Address, ServiceCalls] = {}
        self._opening: dict[Address, trio.Lock] = defaultdict(trio.Lock)

    async def connect(self, timeout_seconds: float) -> None:
        """Make the first connection. For so long nobody has to be there, 0 = one try.

        Raises UnreachableError: what the last try met.
        """
        retries = Retries(timeout_seconds)
        failed = UnreachableError(f"{self._home.host}:{self._home.port} did not answer in time.")
        with trio.move_on_after(timeout_seconds or CONNECT_TIMEOUT_SECONDS):
            while True:
                try:
                    await self.calls()
                    return  # noqa: TRY300  the loop's end
                except UnreachableError as failure:
                    failed = failure
                await retries.pause(failed)
        raise failed

    async def calls(self, node: str = "") -> ServiceCalls:
        """Give a connection to a node, "" = any; raise UnreachableError if there is none."""
        address = parse_address(node) if node else self._home
        async with self._opening[address]:
            calls = self._open.get(address)
            if calls is None or not calls.takes_calls:
                calls = await self._nursery.start(self._keep, address)
                self._open[address] = calls
            return calls

    async def _keep(self, address: Address, *, task_status: trio.TaskStatus[ServiceCalls]) -> None:
        async with open_calls(
            address.host, address.port, tls=self._tls, token=self._token
        ) as calls:
            task_status.started(calls)
            await calls.wait_lost()
