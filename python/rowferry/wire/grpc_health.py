"""``grpc.health.v1.Health``: what load balancers and probes ask.

https://github.com/grpc/grpc/blob/master/doc/health-checking.md. grpclib's own service is
bound to another event loop; only its generated base is used.
"""

from collections.abc import Iterable
from typing import Final

import trio
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.health.v1.health_grpc import HealthBase
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpclib.server import Stream

OVERALL: Final = ""
"""The name under which a client asks for the server as a whole."""

HealthStream = Stream[HealthCheckRequest, HealthCheckResponse]


class HealthState:
    """Which services serve; a name that was not given at the start is unknown.

    ``OVERALL`` is always known. Everything starts as not serving.
    """

    def __init__(self, services: Iterable[str] = ()) -> None:
        self._serving = dict.fromkeys([OVERALL, *services], False)
        self._changed = trio.Event()

    def set_serving(self, service: str, *, serving: bool) -> None:
        """Record a service's state and tell every watcher.

        Raises:
            KeyError: the service is unknown.

        """
        if self._serving[service] != serving:
            self._serving[service] = serving
            self._changed.set()
            self._changed = trio.Event()

    def set_all(self, *, serving: bool) -> None:
        """Record the same state for every service."""
        for service in self._serving:
            self.set_serving(service, serving=serving)

    def is_serving(self, service: str) -> bool | None:
        """Return the service's state, None for an unknown name."""
        return self._serving.get(service)

    async def wait_changed(self) -> None:
        """Wait until any service's state has changed."""
        await self._changed.wait()


class HealthService(HealthBase):
    """Answers Check and Watch from a :class:`HealthState`."""

    def __init__(self, state: HealthState) -> None:
        self._state = state

    async def Check(self, stream: HealthStream) -> None:  # noqa: N802  the method's name
        """Answer once; NOT_FOUND for an unknown service."""
        request = await stream.recv_message()
        serving = None if request is None else self._state.is_serving(request.service)
        if serving is None:
            raise GRPCError(Status.NOT_FOUND, "there is no such service")
        await stream.send_message(HealthCheckResponse(status=_status(serving=serving)))

    async def Watch(self, stream: HealthStream) -> None:  # noqa: N802  the method's name
        """Answer now and after each change; an unknown service is SERVICE_UNKNOWN."""
        request = await stream.recv_message()
        service = OVERALL if request is None else request.service
        told: HealthCheckResponse.ServingStatus.ValueType | None = None
        while True:
            status = _status(serving=self._state.is_serving(service))
            if status == told:
                await self._state.wait_changed()
                continue
            await stream.send_message(HealthCheckResponse(status=status))
            told = status


def _status(*, serving: bool | None) -> "HealthCheckResponse.ServingStatus.ValueType":
    if serving is None:
        return HealthCheckResponse.SERVICE_UNKNOWN
    return HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
