"""Every error that the service's code makes while tests run is held to the catalogue."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rowferry.domain import errors
from rowferry.domain.error_catalogue import CATALOGUE
from rowferry.domain.errors import ErrorCode, RowferryError

_PACKAGE: Final = str(Path(errors.__file__).parents[1])
_SECRET: Final = re.compile(
    r"://[^/\s]*:[^/\s]*@|[?&](Signature|X-Amz-Signature|x-oss-signature)="
)
_MAX_CONTEXT_CHARS: Final = 400


@contextmanager
def watched_errors() -> Iterator[list[str]]:
    """Give what is wrong with the errors that the package makes meanwhile."""
    wrong: list[str] = []
    make = RowferryError.__init__

    def watched(
        self: RowferryError,
        code: ErrorCode,
        message: str,
        context: Mapping[str, object] | None = None,
    ) -> None:
        make(self, code, message, context)
        if _maker().startswith(_PACKAGE):
            wrong.extend(f"{what}: {self!r}" for what in faults_of(self))

    RowferryError.__init__ = watched  # type: ignore[method-assign]
    try:
        yield wrong
    finally:
        RowferryError.__init__ = make  # type: ignore[method-assign]


def faults_of(error: RowferryError) -> Iterator[str]:
    """Say what of an error is not as domain/error_catalogue.py promises it."""
    unknown = [key for key in error.context if not CATALOGUE[error.code].may_carry(key)]
    if unknown:
        yield f"{unknown} not in the catalogue's context of {error.code}"
    if not error.message.endswith("."):
        yield "the sentence has no end"
    if _SECRET.search(repr(error)):
        yield "a secret"
    if any(len(text) > _MAX_CONTEXT_CHARS for text in error.context.values()):
        yield "a context that repeats what came"


def _maker() -> str:
    """Name the file that made the error: the first frame outside of constructors."""
    frame = sys._getframe(2)  # noqa: SLF001  what inspect does, without reading sources
    while frame.f_back is not None and frame.f_code.co_name == "__init__":
        frame = frame.f_back
    return frame.f_code.co_filename
