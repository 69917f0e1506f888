"""Bookkeeping of inbound flow control (RFC 9113 §5.2, §6.9), without any I/O."""


class WindowLedger:
    """How much of a window may be handed back to the peer.

    Bytes are *received* when their frame arrives and *consumed* when a handler has asked for them.
    Consumed bytes, and up to ``lookahead_bytes`` that are not, are due back to the peer. They are
    handed back in portions of half a window, so that WINDOW_UPDATE frames stay rare; a peer whose
    window is exhausted has always half a window due once its bytes are consumed.
    """

    __slots__ = ("_consumed", "_lookahead", "_portion", "_received", "_returned")

    def __init__(self, window_bytes: int, *, lookahead_bytes: int = 0) -> None:
        self._portion = window_bytes // 2
        self._lookahead = lookahead_bytes
        self._received = 0
        self._consumed = 0
        self._returned = 0

    def receive(self, byte_count: int) -> None:
        """Count flow-controlled bytes that arrived, padding included."""
        self._received += byte_count

    def consume(self, byte_count: int) -> None:
        """Count bytes that no longer wait for a handler."""
        self._consumed += byte_count

    @property
    def unconsumed_bytes(self) -> int:
        """Bytes received that wait for a handler."""
        return self._received - self._consumed

    def take_increment(self) -> int:
        """Return the increment to send now, 0 for none, and count it as returned."""
        due = min(self._received, self._consumed + self._lookahead) - self._returned
        if due < self._portion:
            return 0
        self._returned += due
        return due


class AssemblyRoom:
    """What the messages of one connection may take by themselves while they come in."""

    __slots__ = ("_free_bytes",)

    def __init__(self, total_bytes: int) -> None:
        self._free_bytes = total_bytes

    def take(self, byte_count: int) -> bool:
        """Take so much, or nothing if less is left."""
        if byte_count > self._free_bytes:
            return False
        self._free_bytes -= byte_count
        return True

    def give_back(self, byte_count: int) -> None:
        """Give back what was taken."""
        self._free_bytes += byte_count
