"""Server reflection v1 and v1alpha, with which grpcurl and others find the methods.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from grpclib.const import Handler
from grpclib.reflection.service import ServerReflection

from rowferry.wire.grpc_server import GrpcService
from rowferry.wire.grpc_stream import CallStream

Admit = Callable[[CallStream], object]
"""Raises what keeps a caller out."""


def with_reflection(services: Sequence[GrpcService], admit: Admit) -> list[GrpcService]:
    """Return the services plus two that describe them from protobuf's default pool.

    ``admit`` is asked before anything is described.
    """
    extended = cast("list[GrpcService]", ServerReflection.extend(services))
    own = len(services)
    return extended[:own] + [_Guarded(service, admit) for service in extended[own:]]


class _Guarded:
    """A service whose callers are admitted first."""

    def __init__(self, service: GrpcService, admit: Admit) -> None:
        self._service = service
        self._admit = admit

    def __mapping__(self) -> dict[str, Handler]:
        return {
            path: handler._replace(func=self._guarded(handler.func))
            for path, handler in self._service.__mapping__().items()
        }

    def _guarded(self, serve: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def guarded(stream: CallStream) -> None:
            self._admit(stream)
            await serve(stream)

        return guarded
