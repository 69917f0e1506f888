"""CSV of any encoding and delimiter becomes CSV as in RFC 4180, in UTF-8."""

import codecs
import re
from typing import Final

from rowferry.client import InvalidRowError

MAX_RECORD_CHARACTERS: Final = 16 * 2**20
_GOT_BYTES: Final = 8


class Transcoder:
    """Decodes pieces of text; of CSV, makes the delimiter a comma.

    What stands between quotes stays as it is. A field without quotes that has a comma gets some.
    """

    def __init__(self, encoding: str, delimiter: str) -> None:
        """``delimiter`` is a comma for text that is no CSV."""
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._delimiter = delimiter
        inside, end = re.escape(delimiter) + "\r\n", re.escape(delimiter) + "\r\n"
        self._with_comma = re.compile(f"(?<=[{end}])[^{inside},]*,[^{inside}]*(?=[{end}])")
        self._pending = ""  # a record that has not ended
        self._line = 1
        self._line_start_characters = 0

    def feed(self, piece: bytes) -> bytes:
        """Take bytes, b"" at the end of them; give the records that are complete.

        Raises InvalidRowError, with line and column, for bytes that are no text.
        """
        text = self._decoded(piece)
        if self._delimiter == ",":
            return text.encode()
        self._pending += text
        end = len(self._pending) if not piece else self._end_of_records()
        records, self._pending = self._pending[:end], self._pending[end:]
        if len(self._pending) > MAX_RECORD_CHARACTERS:
            message = f"A row has not ended within {MAX_RECORD_CHARACTERS} characters, on line "
            message += f"{self._line}: a quote may be open."
            raise InvalidRowError("INVALID_ROW", message, {"line": str(self._line)})
        return self._with_commas(records).encode()

    def _decoded(self, piece: bytes) -> str:
        try:
            text = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as exc:
            good = exc.object[: exc.start].decode(self._encoding, "replace")
            self._count(good)
            column = self._line_start_characters + 1
            got = exc.object[exc.start : exc.start + _GOT_BYTES].hex(" ")
            message = f"Line {self._line}, column {column}: bytes {got} are not {self._encoding}."
            context = {"line": str(self._line), "expected": self._encoding, "got": got}
            raise InvalidRowError("INVALID_ROW", message, context) from exc
        self._count(text)
        return text

    def _count(self, text: str) -> None:
        lines = text.count("\n")
        behind = len(text) - text.rfind("\n") - 1
        self._line += lines
        self._line_start_characters = behind + (0 if lines else self._line_start_characters)

    def _end_of_records(self) -> int:
        """Find the last line break outside quotes: an even number of them stands before it."""
        outside, end = self._pending.count('"') % 2 == 0, len(self._pending)
        while end >= 0:
            quote = self._pending.rfind('"', 0, end)
            line_break = self._pending.rfind("\n", quote + 1, end) if outside else -1
            if line_break >= 0:
                return line_break + 1
            outside, end = not outside, quote
        return 0

    def _with_commas(self, records: str) -> str:
        if not records:
            return ""
        # The line breaks around them make each field stand between two ends.
        parts = f"\n{records}\n".split('"')
        parts[::2] = map(self._outside_quotes, parts[::2])
        return '"'.join(parts)[1:-1]

    def _outside_quotes(self, part: str) -> str:
        if "," in part:
            part = self._with_comma.sub(r'"\g<0>"', part)
        return part.replace(self._delimiter, ",")
