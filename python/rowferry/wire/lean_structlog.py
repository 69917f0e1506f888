"""structlog without rich.

structlog imports rich when it is there, for tracebacks drawn with boxes. This service never draws
them, and rich costs 4 to 7 MB of the resident memory.
"""

import sys
from typing import Any, cast

_MODULES = cast("dict[str, Any]", sys.modules)
_RICH = _MODULES.get("rich")
_MODULES["rich"] = None  # the import system's word for "not there"
try:
    import structlog
finally:
    del _MODULES["rich"]
    if _RICH is not None:
        _MODULES["rich"] = _RICH

__all__ = ["structlog"]
