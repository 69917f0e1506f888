"""Object tags: as a document, and as the x-oss-tagging header.

https://www.alibabacloud.com/help/en/oss/user-guide/object-tagging-8
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from tests.doubles.oss.documents import parsed, text_of
from tests.doubles.oss.oss_errors import invalid_tag

_MOST_TAGS: Final = 10
_KEY: Final = re.compile(r"[A-Za-z0-9 +\-=._:/]{1,128}")
_VALUE: Final = re.compile(r"[A-Za-z0-9 +\-=._:/]{0,256}")

Tags = dict[str, str]


def tags_of_header(header: str) -> Tags:
    """Read ``key=value&key=value``, quoted as a query is."""
    return _checked(parse_qsl(header, keep_blank_values=True))


def tags_of_document(body: bytes) -> Tags:
    """Read the document of PutObjectTagging."""
    tags = parsed(body, "Tagging").findall("TagSet/Tag")
    return _checked((text_of(tag, "Key"), text_of(tag, "Value")) for tag in tags)


def _checked(pairs: Iterable[tuple[str, str]]) -> Tags:
    tags: Tags = {}
    for key, value in pairs:
        if not (_KEY.fullmatch(key) and _VALUE.fullmatch(value)):
            raise invalid_tag("The TagKey or TagValue you have provided is invalid.")
        if key in tags:
            raise invalid_tag("Cannot provide multiple Tags with the same key.")
        tags[key] = value
    if len(tags) > _MOST_TAGS:
        raise invalid_tag("Object tags cannot be greater than 10.")
    return tags
