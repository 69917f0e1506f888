"""When a peer asks too much (RFC 9113 §10.5)."""

import trio
from h2.errors import ErrorCodes

from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.h2_flood import FloodGate


class PeerRefusedError(Exception):
    """The peer broke a rule that h2 does not watch; carries the code of its GOAWAY (§7)."""

    def __init__(self, error_code: ErrorCodes, reason: str) -> None:
        super().__init__(reason)
        self.error_code = error_code
        self.reason = reason


class PeerConduct:
    """Counts what costs the peer little and the server much.

    Raises:
        PeerRefusedError: ENHANCE_YOUR_CALM, from each of the counting methods.

    """

    def __init__(self, limits: GrpcLimits) -> None:
        self._resets = FloodGate(limits.max_resets_per_second)
        self._control_frames = FloodGate(limits.max_control_frames_per_second)

    def count_reset(self) -> None:
        """Count a reset by either side: a client provokes ours as cheaply as it sends its own."""
        if self._resets.overflows(trio.current_time()):
            raise PeerRefusedError(ErrorCodes.ENHANCE_YOUR_CALM, "too many streams were reset")

    def count_control_frame(self) -> None:
        """Count a frame that does no work of a call."""
        if self._control_frames.overflows(trio.current_time()):
            raise PeerRefusedError(ErrorCodes.ENHANCE_YOUR_CALM, "too many control frames")

    def forgive_control_frames(self) -> None:
        """Count anew: a handler has sent something, so the peer does work."""
        self._control_frames.forgive()
