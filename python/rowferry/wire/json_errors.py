"""What decoders raise for what is no JSON: text too deep, or no UTF-8, among it."""

from typing import Final

import msgspec

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
