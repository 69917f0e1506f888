"""Bodies of uploads as the service cuts them: through the log, into a file."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry._core import CoreError, RowBody, SpoolLog, csv_header
from rowferry.v1 import export_pb2
from tests.unit.core.exporting import encode, make_schema

SCHEMA = make_schema("CSV", "sn")
Kind = Literal["csv", "csv-header", "ndjson", "frames"]


def _body(kind: Kind, first_sequence: int = 0, batch_bytes: int = 1 << 16) -> RowBody:
    return RowBody(
        SCHEMA,
        kind,
        first_sequence=first_sequence,
        batch_bytes=batch_bytes,
        max_message_bytes=1 << 20,
    )


def _cut(body: RowBody, pieces: Iterable[bytes]) -> list[bytes]:
    return [*(message for piece in pieces for message in body.push(piece)), *body.finish()]


def _framed(message: bytes) -> bytes:
    assert len(message) < 128
    return bytes([len(message)]) + message


BODIES: dict[Kind, bytes] = {
    "csv": b'a,1\r\n"b,",2\n',
    "csv-header": b'B,A\r\n1,a\r\n2,"b,"\n',
    "ndjson": b'["a",1]\n{"B":2,"A":"b,"}\n',
    "frames": _framed(encode([["a", "1"]])) + _framed(encode([["b,", "2"]])),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_log_takes_what_was_cut(kind: Kind) -> None:
    messages = _cut(_body(kind), [BODIES[kind]])
    log = SpoolLog.create(SCHEMA, None)
    appended = log.append([(message, 0) for message in messages])
    assert appended.refused is None
    assert appended.rows == 2


@pytest.mark.parametrize("kind", ["csv", "csv-header", "ndjson"])
def test_a_body_that_is_sent_again_is_known(kind: Kind) -> None:
    log = SpoolLog.create(SCHEMA, None)
    for duplicates in (0, 2):
        body = _body(kind, first_sequence=1, batch_bytes=1)
        messages = _cut(body, (bytes([byte]) for byte in BODIES[kind]))
        appended = log.append([(message, 0) for message in messages])
        assert appended.refused is None
        assert (appended.duplicates, appended.rows) == (duplicates, 2)
        assert body.rows == 2


@given(st.sampled_from(list(BODIES)), st.lists(st.integers(0, 60)), st.integers(0, 20))
def test_cuts_do_not_depend_on_arrival(kind: Kind, places: list[int], batch_bytes: int) -> None:
    content = BODIES[kind]
    ends = sorted({0, len(content), *(min(place, len(content)) for place in places)})
    pieces = [content[start:end] for start, end in pairwise(ends)]
    at_once = _cut(_body(kind, 1, batch_bytes), [content])
    assert _cut(_body(kind, 1, batch_bytes), pieces) == at_once


def test_a_refusal_comes_behind_the_messages_before_it() -> None:
    body = _body("ndjson", batch_bytes=1)
    (first,) = body.push(b'["a",1]\n["b",2]\nnull\n')
    assert export_pb2.RecordBatch.FromString(first).json_rows == b'[["a",1]]'
    with pytest.raises(CoreError) as caught:
        body.push(b'["d",4]\n')
    assert caught.value.code == "INVALID_ROW"
    assert caught.value.context["row"] == "3"
    with pytest.raises(CoreError, match="closed"):
        body.finish()


def test_a_column_that_the_export_lacks_is_named() -> None:
    with pytest.raises(CoreError) as caught:
        _body("csv-header").push(b"A,Surname\n")
    assert caught.value.code == "INVALID_METADATA"
    assert caught.value.context["field"] == "header"
    assert caught.value.context["got"] == "Surname"


def test_a_body_that_stops_short_is_refused() -> None:
    body = _body("frames")
    assert body.push(BODIES["frames"][:-1]) != []
    assert body.held_bytes > 0
    with pytest.raises(CoreError) as caught:
        body.finish()
    assert (caught.value.code, caught.value.context["message"]) == ("INVALID_ROW", "2")


def test_a_row_that_no_message_holds_is_refused() -> None:
    body = RowBody(SCHEMA, "csv", first_sequence=0, batch_bytes=100, max_message_bytes=100)
    with pytest.raises(CoreError) as caught:
        body.push(b"a" * 101)
    assert (caught.value.code, caught.value.context["row"]) == ("TOO_LARGE", "1")


def test_arguments_are_judged() -> None:
    with pytest.raises(ValueError, match="no kind of body: xml"):
        _body("xml")  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        _body("csv", first_sequence=-1)


def test_the_header_is_given_once_it_is_whole() -> None:
    assert csv_header(b'id,"full ') is None
    assert csv_header(b'id,"full ""name"""\r\n1') == ["id", 'full "name"']
    with pytest.raises(CoreError) as caught:
        csv_header(b'id"\n"\n')
    assert caught.value.code == "INVALID_METADATA"
