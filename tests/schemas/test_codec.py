"""Bytes on the wire are Avro as everybody else reads it, and what does not fit is refused with its place."""

from __future__ import annotations

import copy
import io
import random
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import codec as codec_module
from schemas.avro_decoder import compile_decoder
from schemas.avro_encoder import compile_encoder
from schemas.catalogue import RECORD_TYPES, RecordType
from schemas.codec import Codec, DecodeError, EncodeError, without_logical_types
from schemas.definitions import self_contained
from tests.schemas import records

IDS = {name: at for at, name in enumerate(RECORD_TYPES, start=1)}
SCHEMAS = {name: self_contained(record_type) for name, record_type in RECORD_TYPES.items()}
PARSED = {name: fastavro.parse_schema(without_logical_types(schema)) for name, schema in SCHEMAS.items()}
ENCODERS = {name: compile_encoder(schema) for name, schema in SCHEMAS.items()}
DECODERS = {name: compile_decoder(schema) for name, schema in SCHEMAS.items()}
ANY = {name: records.any_record(schema) for name, schema in SCHEMAS.items()}
CODEC = Codec(IDS)


def reference(name: str, record: dict[str, Any]) -> bytes:
    """The record as fastavro writes it."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, PARSED[name], record)
    return stream.getvalue()


@pytest.mark.parametrize("name", RECORD_TYPES)
def test_every_record_is_written_and_read_as_fastavro_does(name: str) -> None:
    """Any Avro client reads what is published: both codecs agree on every record."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(record=ANY[name])
    def check(record: dict[str, Any]) -> None:
        data = ENCODERS[name](record)
        assert data == reference(name, record)
        assert DECODERS[name](data) == record

    check()


def test_records_of_other_writers_are_read() -> None:
    """Lists in blocks with a size in front, as Java writes them, are read."""
    record = records.full(SCHEMAS["OrderChange"])
    data = reference("OrderChange", record)
    # `flags`: a block of two items (4, then 0) becomes one of minus two with its size in bytes.
    items = b"".join(bytes([len(text.encode()) * 2]) + text.encode() for text in record["flags"])
    plain = b"\x04" + items + b"\x00"
    assert data.count(plain) == 1 and len(items) < 64
    sized = data.replace(plain, b"\x03" + bytes([len(items) * 2]) + items + b"\x00")
    assert DECODERS["OrderChange"](sized) == record


def test_amounts_of_unusual_shape_are_kept() -> None:
    """A currency code that is none, a negative and a huge amount come back as they were."""
    for money in (
        {"amount_minor": -1, "currency": "", "exponent": 0},
        {"amount_minor": 2**63 - 1, "currency": "EURO", "exponent": -1},
        {"amount_minor": -(2**63), "currency": "€", "exponent": 2**31 - 1},
    ):
        record = records.minimal(SCHEMAS["OrderChange"]) | {"total_after": money, "total_before": money}
        assert CODEC.decode(CODEC.encode("OrderChange", record)) == ("OrderChange", record)


def test_decoded_records_do_not_share_parts() -> None:
    """Changing a decoded amount changes no other record decoded before or after."""
    money = {"amount_minor": 1250, "currency": "EUR", "exponent": 2}
    framed = CODEC.encode("OrderChange", records.full(SCHEMAS["OrderChange"]) | {"total_after": money})
    first, second = CODEC.decode(framed)[1], CODEC.decode(framed)[1]
    untouched = copy.deepcopy(second)
    first["total_after"]["amount_minor"] += 1
    first["flags"].append("changed")
    assert second == untouched == CODEC.decode(framed)[1]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("total_after", "amount_minor"), 1.5, "total_after.amount_minor is not an integer"),
        (("total_after", "amount_minor"), 2**63, "total_after.amount_minor does not fit 64 bits"),
        (("total_after", "exponent"), 2**31, "total_after.exponent does not fit 32 bits"),
        (("total_after", "currency"), None, "total_after.currency is not text"),
        (("total_before",), "12.50", "total_before is not a record"),
        (("occurred_at",), "2026-01-01", "occurred_at is not an integer"),
        (("order_id",), 7, "order_id is not text"),
        (("order_id",), "\ud800", "order_id has half of a surrogate pair"),
        (("event_kind",), b"x", "event_kind is not text"),
        (("kind",), "ELSE", "kind is none of the symbols of ChangeKind"),
        (("flags",), [None], r"flags\[0\] is not text"),
        (("flags",), 3, "flags is not a list"),
        (("changes", 1, "after"), None, r"changes\[1\]\.after is not text"),
        (("lineage",), None, "lineage is not a record"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_with_its_field(
    path: tuple[Any, ...], value: object, expected: str
) -> None:
    """Whoever maps a channel wrongly is told which field it is, without its content."""
    record = records.full(SCHEMAS["OrderChange"])
    holder: Any = record
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    with pytest.raises(EncodeError, match=f"^OrderChange: {expected}"):
        CODEC.encode("OrderChange", record)


def test_a_missing_field_is_named() -> None:
    """A record without a field is refused, even where the schema has a default."""
    record = records.full(SCHEMAS["CanonicalOrder"])
    del record["lines"][1]["quantity"]["current"]
    with pytest.raises(EncodeError, match=r"lines\[1\]\.quantity\.current is missing"):
        CODEC.encode("CanonicalOrder", record)


@pytest.mark.parametrize(
    ("framed", "expected"),
    [
        (b"", "shorter than the five bytes"),
        (b"\0\0\0\0", "shorter than the five bytes"),
        (b"{\0\0\0\1x", "does not start with the zero byte"),
        (b"\0\0\0\x27\x0f", "schema id 9999 is not known"),
        (b"\0\0\0\0\1", "not one whole CanonicalOrder"),
    ],
)
def test_a_value_that_is_no_record_is_refused(framed: bytes, expected: str) -> None:
    """A reader of a topic that holds something else is told what it met."""
    with pytest.raises(DecodeError, match=expected):
        CODEC.decode(framed)


def test_a_damaged_record_is_refused_or_is_another_record() -> None:
    """Cut, prolonged or altered bytes end in DecodeError or in a record that fits the schema."""
    framed = CODEC.encode("CanonicalOrder", records.full(SCHEMAS["CanonicalOrder"]))
    for end in range(5, len(framed), 97):
        with pytest.raises(DecodeError):
            CODEC.decode(framed[:end])
    with pytest.raises(DecodeError):
        CODEC.decode(framed + b"\0")
    altered = random.Random(7)
    for _ in range(300):
        at = altered.randrange(5, len(framed))
        damaged = framed[:at] + bytes([framed[at] ^ altered.randrange(1, 256)]) + framed[at + 1 :]
        try:
            name, record = CODEC.decode(damaged)
        except DecodeError:
            continue
        CODEC.encode(name, record)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_is_a_record(noise: bytes) -> None:
    """No bytes at all bring a reader down."""
    try:
        name, record = CODEC.decode(b"\0\0\0\0\2" + noise)
    except DecodeError:
        return
    CODEC.encode(name, record)


def test_one_id_cannot_mean_two_schemas() -> None:
    """Ids mixed up in a memory or a registry stop the start instead of garbling records."""
    with pytest.raises(ValueError, match="schema id 1 is given to both"):
        Codec({"CanonicalOrder": 1, "OrderChange": 1})


def test_records_of_an_earlier_version_are_read_in_todays_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade, state and topics written before it stay readable."""
    now = SCHEMAS["OrderChange"]
    earlier = {**now, "fields": [field for field in now["fields"] if field["name"] != "event_kind"]}
    original = codec_module.versions

    def with_earlier(record_type: RecordType) -> dict[str, Any]:
        schemas = original(record_type)
        return {"OrderChange@0.9.0": earlier, **schemas} if "OrderChange" in schemas else schemas

    monkeypatch.setattr(codec_module, "versions", with_earlier)
    codec = Codec(IDS | {"OrderChange@0.9.0": 77})
    old = records.full(earlier)
    framed = b"\0\0\0\0\x4d" + compile_encoder(earlier)(old)
    assert codec.decode(framed) == ("OrderChange", old | {"event_kind": None})


@pytest.mark.parametrize("name", ["OrderChange@0.8.0", "Order", "oms.order.v1.OrderChange", ""])
def test_an_id_of_an_unknown_schema_is_refused(name: str) -> None:
    """A remembered id whose schema this release does not have stops the start, not the first record."""
    with pytest.raises(ValueError, match="not the name of a published schema"):
        Codec({name: 1})
