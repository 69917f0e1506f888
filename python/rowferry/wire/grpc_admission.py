"""Who a gRPC call comes from."""

from rowferry.domain.access import CALLER, Caller, Credentials, Door, bearer_token
from rowferry.ports import Doorkeeper
from rowferry.wire.grpc_stream import CallStream


def admit_call(doorkeeper: Doorkeeper, stream: CallStream) -> Caller:
    """Tell who a call comes from; raise what keeps it out."""
    caller = doorkeeper.admit(Door.GRPC, credentials_of(stream))
    stream.serve_connection(caller.client)
    CALLER.set(caller)
    return caller


def credentials_of(stream: CallStream) -> Credentials:
    """Give what a call shows: its bearer token, its certificate, its address."""
    assert stream.metadata is not None  # noqa: S101  a call has metadata when its handler runs
    return Credentials(
        token=bearer_token(str(stream.metadata.get("authorization", ""))),
        certificate_names=stream.certificate_names,
        address=stream.peer_address,
    )
