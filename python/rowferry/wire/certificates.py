"""The names in a client's certificate (RFC 5280 §4.2.1.6, §4.1.2.6)."""

from collections.abc import Mapping
from typing import Any, Final

_ALTERNATIVE_KINDS: Final = frozenset({"DNS", "URI", "email"})


def certificate_names(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Give the names of a certificate as ``SSLSocket.getpeercert`` shows it.

    The alternative names, or where there are none the subject's common name, which RFC 6125
    §6.4.4 keeps for such certificates only.
    """
    shown = certificate or {}
    alternatives = tuple(
        name for kind, name in shown.get("subjectAltName", ()) if kind in _ALTERNATIVE_KINDS
    )
    if alternatives:
        return alternatives
    attributes = (attribute for part in shown.get("subject", ()) for attribute in part)
    return tuple(value for key, value in attributes if key == "commonName")
