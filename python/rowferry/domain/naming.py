"""Names: of tasks, of files for humans, of objects in storage.

Paths and keys are made of task ids only. A client's file name travels in ``Content-Disposition``
and never touches a file system.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

from rowferry.domain.errors import invalid_metadata

MAX_FILENAME_BYTES: Final = 255
MAX_TAG_VALUE_CHARS: Final = 256
_TASK_ID = re.compile(r"[0-9a-f]{32}")
# UAX #9 explicit directional controls: they can make `exe.xslx` read like `xlsx.exe`.
_BIDI_CONTROLS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_CONTROLS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode's general categories


def make_task_id(now_ms: int, random_bytes: bytes) -> str:
    """Give a UUID version 7 (RFC 9562 §5.7) as 32 hex digits: ids sort by creation time.

    ``random_bytes`` are 10 bytes from a good source.
    """
    value = (now_ms & (2**48 - 1)) << 80 | int.from_bytes(random_bytes[:10])
    value = value & ~(0xF << 76) | 7 << 76  # version
    value = value & ~(0x3 << 62) | 2 << 62  # variant
    return f"{value:032x}"


def first_task_id(now_ms: int) -> str:
    """Give the bound below which no id that is made at this time, or later, lies."""
    return f"{(now_ms & (2**48 - 1)) << 80:032x}"


def is_task_id(text: str) -> bool:
    """Tell whether a text can be a task's id at all; anything else never reaches a path."""
    return _TASK_ID.fullmatch(text) is not None


def holds_controls(text: str) -> bool:
    """Tell whether a text has control or bidi characters, line separators or lone surrogates."""
    return any(c in _BIDI_CONTROLS or unicodedata.category(c) in _CONTROLS for c in text)


def check_filename(filename: str) -> None:
    """Raise INVALID_METADATA unless the name can be shown to humans and saved by browsers."""
    if not filename.strip(" ."):
        raise invalid_metadata("filename", "filename is required.", got=filename)
    if any(c in "/\\" for c in filename) or ".." in filename:
        message = "filename is a plain name, without path separators or '..'."
        raise invalid_metadata("filename", message, got=filename)
    if holds_controls(filename):
        raise invalid_metadata("filename", "filename holds control or bidi characters.")
    length = len(filename.encode())
    if length > MAX_FILENAME_BYTES:
        message = f"filename is longer than {MAX_FILENAME_BYTES} bytes of UTF-8."
        raise invalid_metadata(
            "filename", message, expected=f"<= {MAX_FILENAME_BYTES} bytes", got=f"{length} bytes"
        )


def download_name(filename: str, extension: str) -> str:
    """Give the name a browser saves: the client's, with each part of the extension once.

    ``orders`` and ``orders.csv`` both become ``orders.csv.gz``.
    """
    dots = [i for i, c in enumerate(extension) if c == "."]
    known = (extension[:end] for end in (len(extension), *reversed(dots)))
    present = next(part for part in known if filename.lower().endswith(part))
    return filename + extension[len(present) :]


def content_disposition(filename: str) -> str:
    """Give ``attachment`` with the name in ASCII and, if it differs, in UTF-8 (RFC 6266, 8187)."""
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^ !#$&+.0-9A-Z^_`a-z{}~()\[\]=,@-]", "_", plain).strip()
    if plain == filename:
        return f'attachment; filename="{plain}"'
    encoded = quote(filename, safe="")
    return f"attachment; filename=\"{_named(plain)}\"; filename*=UTF-8''{encoded}"


def _named(plain: str) -> str:
    """Give a name to what has only its extensions left."""
    stem, dot, extensions = plain.partition(".")
    return plain if re.search(r"[0-9A-Za-z]", stem) else f"export{dot}{extensions}"


def storage_key(prefix: str, task_id: str, attempt: int, extension: str) -> str:
    """Give the key of one attempt's object: ASCII, unique, never a client's text."""
    return "/".join(filter(None, (prefix.strip("/"), task_id, f"{attempt}{extension}")))


def tag_text(text: str) -> str:
    """Give a text as object storages take it for a tag's value; anything else becomes "_"."""
    return re.sub(r"[^0-9A-Za-z +\-=._:/]", "_", text)[:MAX_TAG_VALUE_CHARS]


def key_extension(key: str) -> str:
    """Give the file's extension with its dot, as ``storage_key`` put it into a key."""
    name = key.rpartition("/")[2]
    return name[name.index(".") :]
