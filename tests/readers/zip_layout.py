"""The ZIP file around a workbook, read byte by byte (PKWARE APPNOTE 6.3)."""

import struct
from dataclasses import dataclass
from typing import Final

LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
CENTRAL: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
END: Final = struct.Struct("<4sHHHHLLH")


@dataclass(frozen=True, slots=True)
class Header:
    """What local header and central directory both say of a part."""

    version_needed: int
    flags: int
    method: int
    crc: int
    compressed_bytes: int
    bytes: int
    name: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part's two headers, and where its bytes are."""

    local: Header
    central: Header
    start: int
    """Offset of the local header."""
    end: int
    """Offset behind the compressed bytes."""


def read_parts(package: bytes) -> tuple[list[Part], int]:
    """Give the parts in the directory's order, and the directory's offset.

    The file must end with a directory's end record without a comment.
    """
    end = END.unpack(package[-END.size :])
    assert end[0] == b"PK\x05\x06"
    count, directory_bytes, offset = end[4], end[5], end[6]
    assert offset + directory_bytes + END.size == len(package)
    parts = []
    position = offset
    for _ in range(count):
        part, position = _part(package, position)
        parts.append(part)
    assert position == offset + directory_bytes
    return parts, offset


def _part(package: bytes, position: int) -> tuple[Part, int]:
    signature, _, version, flags, method, _, _, crc, compressed, size, *rest = CENTRAL.unpack_from(
        package, position
    )
    name_bytes, extra_bytes, comment_bytes, _, _, _, start = rest
    assert (signature, extra_bytes, comment_bytes) == (b"PK\x01\x02", 0, 0)
    position += CENTRAL.size
    name = package[position : position + name_bytes].decode()
    central = Header(version, flags, method, crc, compressed, size, name)
    local, data = _local(package, start)
    return Part(local, central, start, data + compressed), position + name_bytes


def _local(package: bytes, start: int) -> tuple[Header, int]:
    fields = LOCAL.unpack_from(package, start)
    signature, version, flags, method, _, _, crc, compressed, size, name_bytes, extra_bytes = (
        fields
    )
    # An extra field would be where ZIP64 sizes are.
    assert (signature, extra_bytes) == (b"PK\x03\x04", 0)
    data = start + LOCAL.size + name_bytes
    name = package[start + LOCAL.size : data].decode()
    return Header(version, flags, method, crc, compressed, size, name), data
