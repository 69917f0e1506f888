"""Batches reach the handler as the bytes they came in; everything else is parsed."""

import pytest
from google.protobuf.message import DecodeError, Message
from grpclib.encoding.base import CodecBase
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.request_codec import RawBatch, RequestCodec, decode_export_request
from tests.record_batches import encode_rows

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
METADATA, BATCH, FINISH, RESUME = 1, 2, 3, 4


def _varint(value: int, padding: int = 0) -> bytes:
    """Encode a varint, on demand longer than need be, which is allowed."""
    encoded = bytearray()
    while value >> 7 or padding > 0:
        padding -= not value >> 7
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _field(number: int, content: bytes, padding: int = 0) -> bytes:
    return _varint(number << 3 | LENGTH, padding) + _varint(len(content), padding) + content


def _payload(message: Message) -> bytes:
    return message.SerializeToString()


SMALL_PADDING = st.integers(0, 2)
UNKNOWN_FIELDS = st.one_of(
    st.builds(
        lambda n, v: _varint(n << 3 | VARINT) + _varint(v),
        st.integers(5, 1000),
        st.integers(0, 2**64 - 1),
    ),
    st.builds(_field, st.integers(5, 1000), st.binary(max_size=40)),
    st.builds(lambda n: _varint(n << 3 | FIXED64) + b"12345678", st.integers(5, 1000)),
    st.builds(lambda n: _varint(n << 3 | FIXED32) + b"1234", st.integers(5, 1000)),
    # a payload's number with another wire type is an unknown field too
    st.builds(lambda n: _varint(n << 3 | VARINT) + b"\x07", st.integers(1, 4)),
)
SOME_UNKNOWN = st.lists(UNKNOWN_FIELDS, max_size=3)
PAYLOADS = st.one_of(
    st.builds(
        lambda rows, sequence: (BATCH, encode_rows(rows, sequence)),
        st.lists(st.tuples(st.text(max_size=8), st.none() | st.text(max_size=8)), max_size=4),
        st.integers(-(2**63), 2**63 - 1),
    ),
    st.builds(
        lambda name: (METADATA, _payload(pb.ExportMetadata(request_id=name, filename=name))),
        st.text(max_size=10),
    ),
    st.builds(lambda n: (FINISH, _payload(pb.Finish(expected_rows=n))), st.integers(0, 9)),
    st.builds(lambda t: (RESUME, _payload(pb.Resume(task_id=t))), st.text(max_size=10)),
)


def _refusal(data: bytes) -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        decode_export_request(data)
    return caught.value


def test_lone_batch_is_handed_on_in_its_own_buffer() -> None:
    batch = encode_rows([("1", "a")], 1)
    data = _field(BATCH, batch)
    decoded = decode_export_request(data)
    assert isinstance(decoded, RawBatch)
    assert decoded.buffer is data
    assert decoded.buffer[decoded.offset :] == batch


@given(payload=PAYLOADS, around=st.tuples(SOME_UNKNOWN, SOME_UNKNOWN), padding=SMALL_PADDING)
def test_every_spelling_of_a_message_means_what_protobuf_says(
    payload: tuple[int, bytes], around: tuple[list[bytes], list[bytes]], padding: int
) -> None:
    number, content = payload
    data = b"".join([*around[0], _field(number, content, padding), *around[1]])
    decoded = decode_export_request(data)
    if isinstance(decoded, RawBatch):
        assert number == BATCH
        assert decoded.buffer[decoded.offset :] == content
    else:
        assert number != BATCH
        assert decoded == pb.ExportRequest.FromString(data)


@given(payloads=st.lists(PAYLOADS, min_size=2, max_size=3), unknown=UNKNOWN_FIELDS)
def test_two_payloads_in_one_message_are_refused(
    payloads: list[tuple[int, bytes]], unknown: bytes
) -> None:
    refused = _refusal(unknown.join(_field(*payload) for payload in payloads))
    assert refused.code is ErrorCode.INVALID_ROW
    assert refused.context == {"expected": "1", "got": str(len(payloads))}


@given(payload=PAYLOADS, data=st.data())
def test_truncated_message_is_refused(payload: tuple[int, bytes], data: st.DataObject) -> None:
    whole = _field(*payload)
    cut = data.draw(st.integers(1, len(whole) - 1))
    assert _refusal(whole[:cut]).code is ErrorCode.INVALID_ROW


@given(st.binary(max_size=60))
def test_any_bytes_are_understood_or_refused_with_a_code(data: bytes) -> None:
    try:
        decoded = decode_export_request(data)
    except RowferryError as error:
        assert error.code in {ErrorCode.INVALID_ROW, ErrorCode.INVALID_METADATA}  # noqa: PT017
    else:
        assert isinstance(decoded, RawBatch) or decoded == pb.ExportRequest.FromString(data)


def test_message_without_a_payload_is_empty() -> None:
    assert decode_export_request(b"") == pb.ExportRequest()


@pytest.mark.parametrize(
    "data",
    [
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",  # a length that never ends
        b"\x12\x05abc",  # less than it says
        b"\x2b\x2c",  # a group, which proto3 has not
        b"\x29\x00",  # half a fixed64
    ],
)
def test_malformed_framing_is_refused(data: bytes) -> None:
    assert _refusal(data).code is ErrorCode.INVALID_ROW


def test_metadata_that_is_not_utf8_is_refused() -> None:
    broken = _field(METADATA, b"\x0a\x02\xff\xfe")
    with pytest.raises(DecodeError):
        pb.ExportRequest.FromString(broken)
    assert _refusal(broken).code is ErrorCode.INVALID_METADATA


@pytest.fixture
def codec() -> CodecBase:
    return RequestCodec()


def test_other_requests_are_parsed_whole(codec: CodecBase) -> None:
    request = pb.TaskStatusRequest(task_id="t")
    assert codec.decode(request.SerializeToString(), pb.TaskStatusRequest) == request


def test_export_requests_are_told_apart(codec: CodecBase) -> None:
    assert isinstance(codec.decode(_field(BATCH, b""), pb.ExportRequest), RawBatch)
    finish = pb.ExportRequest(finish=pb.Finish(expected_rows=3))
    assert codec.decode(finish.SerializeToString(), pb.ExportRequest) == finish


def test_unparsable_request_is_refused_by_its_name(codec: CodecBase) -> None:
    with pytest.raises(RowferryError) as caught:
        codec.decode(b"\xff", pb.TaskStatusRequest)
    assert caught.value.code is ErrorCode.INVALID_METADATA
    assert "TaskStatusRequest" in caught.value.message


def test_replies_are_serialised(codec: CodecBase) -> None:
    status = pb.TaskStatus(task_id="t")
    assert codec.encode(status, pb.TaskStatus) == status.SerializeToString()


def test_reply_of_another_type_is_a_defect(codec: CodecBase) -> None:
    with pytest.raises(TypeError):
        codec.encode(pb.TaskStatus(), pb.ExportResult)
