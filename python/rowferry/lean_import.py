"""Imports without what the imported package wants and this service never uses: it saves memory."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _Unused:
    """Whatever is imported from a module that was left out; it can be made, and does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        pass


class _LeftOut(ModuleType):
    """Has any name that is imported from it, and nothing behind it."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the importer takes it for
        if name.startswith("__"):
            raise AttributeError(name)
        return _Unused


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Leave modules out of what is imported in a block; those that are there already stay.

    Behind the block they can be imported as ever.
    """
    stand_ins = {name: _LeftOut(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
