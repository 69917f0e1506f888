"""Server reflection v1 and v1alpha, with which grpcurl and others find the methods.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
"""

from collections.abc import Sequence
from typing import cast

from grpclib.reflection.service import ServerReflection

from rowferry.wire.grpc_server import GrpcService


def with_reflection(services: Sequence[GrpcService]) -> list[GrpcService]:
    """Return the services plus two that describe them from protobuf's default pool."""
    return cast("list[GrpcService]", ServerReflection.extend(services))
