"""Names in documents: plain, or quoted as URLs are because XML can't hold all characters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from tests.doubles.oss.oss_errors import invalid_argument
from tests.doubles.oss.oss_request import OssRequest


@dataclass(frozen=True, slots=True)
class NameEncoding:
    """How names are shown; ``""`` or ``"url"``."""

    name: str

    @classmethod
    def asked_for(cls, request: OssRequest) -> Self:
        """Read ``encoding-type``."""
        name = request.query.get("encoding-type", "")
        if name not in {"", "url"}:
            raise invalid_argument("Invalid Encoding Method specified in Request.")
        return cls(name)

    @property
    def element(self) -> Mapping[str, str]:
        """What tells clients that names are quoted."""
        return {"EncodingType": self.name} if self.name else {}

    def shown(self, name: str) -> str:
        """Write a name."""
        return quote(name, safe="") if self.name else name
