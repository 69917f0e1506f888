"""The token that a client shows."""

import re
from typing import Final

TOKEN_VARIABLE: Final = "ROWFERRY_TOKEN"  # noqa: S105  its name
_TOKEN: Final = re.compile(r"[!-~]*")  # visible ASCII: what a header's field may have


def sendable_token(token: str) -> str:
    """Give a token that can be sent; raise ValueError, with nothing of the token in it."""
    if not _TOKEN.fullmatch(token):
        raise ValueError("The token has spaces, line breaks or letters that no token has.")
    return token
