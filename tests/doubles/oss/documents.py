"""The XML that OSS and its clients send each other."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from tests.doubles.oss.oss_errors import malformed_xml

_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def document(root: str, content: Mapping[str, object], *, text: str = "") -> bytes:
    """Make a document: values are texts, elements, or lists of elements of one name."""
    element = ET.Element(root)
    element.text = text
    _fill(element, content)
    written: bytes = ET.tostring(element, encoding="utf-8")
    return _DECLARATION + written


def parsed(body: bytes, root: str) -> ET.Element:
    """Parse a client's document; raises MalformedXML if it is none, or another."""
    try:
        element = ET.fromstring(body)  # noqa: S314  from a test's client
    except ET.ParseError:
        raise malformed_xml("The XML you provided was not well-formed.") from None
    if element.tag != root:
        message = "The XML you provided did not validate against our published schema."
        raise malformed_xml(message)
    return element


def text_of(element: ET.Element, path: str) -> str:
    """Give the text of an element below; raises MalformedXML if it is not there."""
    found = element.find(path)
    if found is None:
        raise malformed_xml(f"The XML you provided has no {path}.")
    return found.text or ""


def iso_time(seconds: float) -> str:
    """Write a time as documents have it: in whole seconds, however it looks."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def yes_no(value: bool) -> str:  # noqa: FBT001  a value to write
    """Write a boolean as documents have it."""
    return str(value).lower()


def _fill(parent: ET.Element, content: Mapping[str, object]) -> None:
    for name, value in content.items():
        for item in value if isinstance(value, list) else [value]:
            child = ET.SubElement(parent, name)
            if isinstance(item, Mapping):
                _fill(child, item)
            else:
                child.text = str(item)
