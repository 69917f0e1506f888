"""What a bearer token looks like: ``rfy_``, 256 random bits, a checksum.

The prefix lets scanners of code and logs find tokens; the checksum (CRC-32) tells a typing error
or a cut-off copy from a token that was revoked. Only the SHA-256 of a token is ever kept: of 256
random bits it tells nothing, so it needs no salt and no slow hash.
"""

import hashlib
import re
import secrets
import zlib
from typing import Final

PREFIX: Final = "rfy_"
SECRET_BYTES: Final = 32
MAX_TOKEN_CHARS: Final = 1024  # of tokens that others made; longer ones are not looked at
ID_CHARS: Final = 12
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_CHARS: Final = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_CHARS: Final = 6  # 62 ** 6 > 2 ** 32
_SHAPE: Final = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_SECRET_CHARS + _CHECKSUM_CHARS}}}")


def make_token() -> str:
    """Make a token that nobody has."""
    secret = int.from_bytes(secrets.token_bytes(SECRET_BYTES), "big")
    body = PREFIX + _base62(secret, _SECRET_CHARS)
    return body + _checksum(body)


def token_digest(token: str) -> str:
    """Give the SHA-256 that a token is known by, in hexadecimal."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def token_id(digest: str) -> str:
    """Give the short name of a token: it may be shown and logged."""
    return digest[:ID_CHARS]


def is_damaged(token: str) -> bool:
    """Tell whether a text can be no token: a damaged one of ours, or no token at all."""
    if token.startswith(PREFIX):
        body, checksum = token[:-_CHECKSUM_CHARS], token[-_CHECKSUM_CHARS:]
        return _SHAPE.fullmatch(token) is None or _checksum(body) != checksum
    return len(token) > MAX_TOKEN_CHARS or not (token.isascii() and token.isprintable())


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_CHARS)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
