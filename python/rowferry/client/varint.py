"""Numbers as protobuf has them: base 128, the least significant seven bits first."""


def varint(value: int) -> bytes:
    """Encode a number that is not negative (protobuf.dev, "Encoding", "Base 128 Varints")."""
    encoded = bytearray()
    while value >> 7:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
