"""oss2 without its encryption on the client's side.

For it oss2 imports the SDK of a key service and a library of ciphers: 15 MB of resident memory for
what is not used here.
"""

from rowferry.lean_import import left_out

with left_out(
    "Crypto",
    "Crypto.Cipher",
    "Crypto.PublicKey",
    "Crypto.Util",
    "aliyunsdkcore",
    "aliyunsdkcore.acs_exception.exceptions",
    "aliyunsdkcore.http",
    "aliyunsdkkms.request.v20160120",
):
    import oss2

__all__ = ["oss2"]
