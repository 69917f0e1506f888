"""Which bytes a Range header means: OSS differs from RFC 9110 in ranges beyond the end.

https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
"""

import re
from typing import Final

from tests.doubles.oss.oss_errors import OssError

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


def chosen_range(header: str, size: int, *, standard: bool) -> tuple[int, int] | None:
    """Give [start, end) of an object's bytes, None for all of it.

    A range that does not lie in the object means all of it, unless the client asks for what is
    standard (``x-oss-range-behavior: standard``): then its end is moved, or it is refused.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first:
        start, end = int(first), int(last) + 1 if last else size
    else:
        start, end = size - int(last), size
    if 0 <= start < end <= size:
        return start, end
    if not standard:
        return None
    if start >= size or end <= start:
        details = {"ActualObjectSize": str(size), "RangeRequested": header}
        message = "The requested range cannot be satisfied"
        raise OssError(416, "InvalidRange", message, ec="0016-00000901", details=details)
    return max(start, 0), min(end, size)
