"""oss2 without its encryption on the client's side.

For it oss2 imports the SDK of a key service and a library of ciphers: 15 MB of resident memory for
what is not used here.
"""

import sys
from types import ModuleType
from typing import Any, Final

_UNUSED: Final = (
    "Crypto",
    "Crypto.Cipher",
    "Crypto.PublicKey",
    "Crypto.Util",
    "aliyunsdkcore",
    "aliyunsdkcore.acs_exception.exceptions",
    "aliyunsdkcore.http",
    "aliyunsdkkms.request.v20160120",
)


class _LeftOut(ModuleType):
    """Has any name that is imported from it, and nothing behind it."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever oss2 takes it for
        if name.startswith("__"):
            raise AttributeError(name)
        return object


_left_out = {name: _LeftOut(name) for name in _UNUSED if name not in sys.modules}
sys.modules.update(_left_out)
try:
    import oss2
finally:
    for _name in _left_out:
        del sys.modules[_name]

__all__ = ["oss2"]
