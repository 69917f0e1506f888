"""Content-Type tells how rows are written."""

import pytest

from rowferry.domain.errors import RowferryError
from rowferry.ingest.http_media_types import BodyFormat, body_format
from rowferry.ports import BodyKind


def _format(content_type: str) -> BodyFormat:
    return body_format({"headers": [(b"content-type", content_type.encode("latin-1"))]})


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("text/csv", BodyKind.CSV),
        ("Text/CSV ; charset=UTF-8", BodyKind.CSV),
        ("text/csv;header=absent", BodyKind.CSV),
        ('text/csv; charset="utf-8"; Header="Present"', BodyKind.CSV_WITH_HEADER),
        ("text/csv;", BodyKind.CSV),
        ("application/x-ndjson; charset=utf-8", BodyKind.NDJSON),
        ("application/vnd.rowferry.record-batches", BodyKind.FRAMES),
    ],
)
def test_types_of_rows_and_their_parameters(content_type: str, kind: BodyKind) -> None:
    assert _format(content_type).kind is kind


def test_header_that_was_named_is_told_from_one_that_was_not() -> None:
    assert not _format("text/csv").says_header
    assert _format("text/csv;header=absent").says_header


@pytest.mark.parametrize(
    "content_type",
    ["", "text", "text/plain", "text/csv;charset=gbk", "text/csv;header=", "\xff", "=;=", ";;"],
)
def test_everything_else_is_refused(content_type: str) -> None:
    with pytest.raises(RowferryError) as refused:
        _format(content_type)
    assert refused.value.code == "INVALID_METADATA"
