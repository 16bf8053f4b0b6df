"""The wire's primitives: what is written is read again, and what is cut off is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.kafka_wire import Api, Reader, WireError, Writer, unsigned_varint


@pytest.mark.parametrize("flexible", [False, True])
@given(text=st.text(max_size=300), numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=200))
def test_what_is_written_is_read(flexible: bool, text: str, numbers: list[int]):
    """Compact and plain encodings are each other's inverse."""
    written = Writer(Api(0, 0, flexible)).string(text).array(len(numbers))
    for number in numbers:
        written.int64(number)
    written.int32(-5).int16(7).int8(-1).end()
    reader = Reader(written.taken(), flexible=flexible)
    assert reader.string() == text
    assert [reader.int64() for _ in reader.array()] == numbers
    assert (reader.int32(), reader.int16(), reader.int8()) == (-5, 7, -1)
    reader.end()
    assert reader.left == 0


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02"), (2**31, b"\x80\x80\x80\x80\x08")],
)
def test_varints_are_kafkas(value: int, encoded: bytes):
    """The examples of the Protocol Buffers encoding, which Kafka's varints follow."""
    assert unsigned_varint(value) == encoded
    assert Reader(encoded).unsigned_varint() == value


@pytest.mark.parametrize(("encoded", "value"), [(b"\x00", 0), (b"\x01", -1), (b"\x02", 1), (b"\x03", -2)])
def test_signed_varints_are_zigzag(encoded: bytes, value: int):
    """Small numbers of either sign are short."""
    assert Reader(encoded).varint() == value


def test_a_null_is_no_text():
    """A null string differs from an empty one, in both encodings."""
    assert Reader(b"\xff\xff").string() is None and Reader(b"\x00\x00").string() == ""
    assert Reader(b"\x00", flexible=True).string() is None and Reader(b"\x01", flexible=True).string() == ""


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x05abc"])
def test_an_answer_that_ends_too_early_is_refused(data: bytes):
    """A broken connection never looks like an empty answer."""
    with pytest.raises(WireError):
        Reader(data).string()
