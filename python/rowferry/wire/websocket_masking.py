"""wsproto with its masks taken off by the core: its own masker costs more than all the rest.

wsproto (1.3) makes the masker where it parses the head of a frame. Its decoder is private: the
version is pinned.
"""

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Event, RejectConnection
from wsproto.frame_protocol import FrameDecoder, FrameProtocol, XorMaskerSimple
from wsproto.utilities import RemoteProtocolError

from rowferry._core import unmasked


class CoreMasker:
    """Takes the mask off one frame, piece by piece; the shape of wsproto's maskers."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def process(self, data: bytearray) -> bytes:
        """Give the next piece without its mask."""
        key, shift = self._key, len(data) % 4
        self._key = key[shift:] + key[:shift]
        return unmasked(bytes(data), key)


class CoreFrameDecoder(FrameDecoder):
    """A frame decoder whose maskers are the core's."""

    def parse_header(self) -> bool:
        """Parse the head of the next frame, if it is here."""
        parsed = super().parse_header()
        if parsed and isinstance(self.masker, XorMaskerSimple):
            self.masker = CoreMasker(bytes(self.masker._masking_key))  # type: ignore[assignment]  # noqa: SLF001
        return parsed


class CoreUnmaskedConnection(WSConnection):
    """A server's side of a connection whose frames the core unmasks."""

    def __init__(self) -> None:
        super().__init__(ConnectionType.SERVER)

    def receive_data(self, data: bytes | None) -> None:
        """Take what the peer has sent; a handshake whose fields are no text is refused.

        Raises ``RemoteProtocolError``, as for a handshake that is wrong otherwise.
        """
        try:
            super().receive_data(data)
        except UnicodeError as error:  # wsproto reads fields as ASCII and the host as IDNA
            message = "A header field of the handshake is no text."
            raise RemoteProtocolError(message, event_hint=RejectConnection()) from error

    def send(self, event: Event) -> bytes:
        """Encode an event; with the end of the handshake the frames of the peer begin."""
        data = super().send(event)
        if isinstance(event, AcceptConnection):
            protocol = self._frame_protocol
            plain = protocol._frame_decoder  # noqa: SLF001
            decoder = CoreFrameDecoder(plain.client, plain.extensions)
            decoder.receive_bytes(bytes(plain.buffer.buffer))
            protocol._frame_decoder = decoder  # noqa: SLF001
        return data

    @property
    def single_frame_bytes(self) -> int:
        """The length of the message whose only frame is being received, 0 = not known."""
        header = self._frame_protocol._frame_decoder.header  # noqa: SLF001
        return header.payload_len if header is not None and header.fin else 0

    @property
    def _frame_protocol(self) -> FrameProtocol:
        assert self.connection is not None  # noqa: S101  the handshake is over
        return self.connection._proto  # noqa: SLF001
