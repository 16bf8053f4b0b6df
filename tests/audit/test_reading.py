"""What an audit reads of a record is what the record says, in every version that is published."""

from __future__ import annotations

import io
from itertools import combinations

import pytest

from audit.facts import UNREADABLE, LogRecord
from audit.reading import CAUSE, Reader, digest, prefix_decoder
from audit.topics import OutputTopics
from audit.violation import Kind, Position
from tests.audit.damage import with_content
from tests.audit.healthy import RAW_TOPICS, READER, cause, healthy
from tests.audit.healthy import schema as registered
from tests.schemas.golden import all_golden

TOPICS = OutputTopics()
FIELDS = {
    TOPICS.orders: ("order_id", "canonical_version"),
    TOPICS.changes: ("order_id", "canonical_version"),
    TOPICS.guests: ("guest_id", "guest_version"),
    TOPICS.findings: ("order_id", "raw_topic", "raw_partition", "raw_offset"),
    TOPICS.quarantine: (
        "raw_topic",
        "raw_partition",
        "raw_offset",
        "raw_timestamp",
        "key",
        "value",
        "headers",
        "stage",
    ),
}


@pytest.mark.parametrize("golden", all_golden(), ids=str)
def test_the_first_fields_are_read_as_the_whole_record_has_them(golden):
    """Reading only as far as needed is no other reading."""
    fields = FIELDS[golden.record_type.topic]
    read = prefix_decoder(golden.schema, fields)(io.BytesIO(golden.data))
    assert {name: read[name] for name in fields} == {name: golden.record[name] for name in fields}


def test_a_field_that_the_schema_does_not_have_is_told_at_once():
    """Another team's schema on our topic is not read as ours."""
    with pytest.raises(LookupError):
        prefix_decoder({"type": "record", "name": "Other", "fields": [{"name": "a", "type": "string"}]}, ["b"])


def test_two_originals_that_differ_anywhere_have_different_digests():
    """A byte that moves from the key to the value, a header renamed, reordered or emptied: all of it shows."""
    originals = [
        (b"k", b"v", [], 1), (b"kv", b"", [], 1), (b"", b"kv", [], 1), (None, b"kv", [], 1), (b"kv", None, [], 1),
        (b"k", b"v", [], 2), (b"k", b"v", [("a", b"")], 1), (b"k", b"v", [("a", None)], 1), (b"k", b"va", [], 1),
        (b"k", b"v", [("a", b"1"), ("b", b"2")], 1), (b"k", b"v", [("b", b"2"), ("a", b"1")], 1),
        (b"k", b"v", [("ab", b"1"), ("", b"2")], 1),
    ]  # fmt: skip
    digests = [digest(*original) for original in originals]
    assert all(one != other for one, other in combinations(digests, 2))
    assert digests == [digest(*original) for original in originals]


def test_each_schema_is_asked_for_once():
    """A million records are no million questions to the registry."""
    world, asked = healthy(200), []

    def schema(schema_id: int):
        asked.append(schema_id)
        return registered(schema_id)

    reader = Reader(TOPICS, RAW_TOPICS, schema)
    for record in world.outputs:
        assert reader.output(record)[1] is None
    assert len(asked) == len(set(asked)) == len({record.value[1:5] for record in world.outputs})


def test_a_schema_of_another_record_on_a_topic_is_unreadable():
    """A guest's event on the orders' topic is no order."""
    world = healthy(200)
    order, guest = (next(one for one in world.outputs if one.topic == name) for name in (TOPICS.orders, TOPICS.guests))

    output, violation = READER.output(order._replace(value=guest.value))
    assert "without order_id, canonical_version" in violation.sentence
    assert output.cause is not None, "it still counts as there"


@pytest.mark.parametrize("position", [{"raw_offset": -1}, {"raw_offset": 1 << 48}, {"raw_partition": -1}], ids=str)
def test_a_raw_position_that_no_log_has_is_unreadable(position):
    """A number out of range is a fault of its record, not of the audit, and names no other event."""
    finding = next(one for one in healthy(200).outputs if one.topic == TOPICS.findings)
    output, violation = READER.output(with_content(finding, **position))
    assert violation.kind is Kind.OUTPUT_UNREADABLE
    assert Position(*output.cause, output.cause_offset) == cause(finding), "as its header says"
    assert output.version == UNREADABLE


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "record", "name": "Order", "fields": [{"name": "order_id", "type": "com.example.Missing"}]},
        {"type": "record", "name": "Order", "fields": ["order_id"]},
    ],
    ids=["no Avro", "a reference", "malformed"],
)
def test_a_schema_that_cannot_be_read_makes_its_records_unreadable(schema):
    """Whatever anybody registers and produces, the audit goes on."""
    order = next(one for one in healthy(200).outputs if one.topic == TOPICS.orders)
    output, violation = Reader(TOPICS, RAW_TOPICS, lambda _: schema).output(order)
    assert violation.kind is Kind.OUTPUT_UNREADABLE
    assert output.cause is not None, "it still counts as there"


def test_fields_of_other_types_make_a_record_unreadable():
    """A foreign schema may have our names, and other types."""
    fields = [{"name": "order_id", "type": "long"}, {"name": "canonical_version", "type": "string"}]
    foreign = {"type": "record", "name": "Order", "fields": fields}
    order = next(one for one in healthy(200).outputs if one.topic == TOPICS.orders)
    value = order.value[:5] + bytes([2, 2]) + b"1"
    _, violation = Reader(TOPICS, RAW_TOPICS, lambda _: foreign).output(order._replace(value=value))
    assert violation.kind is Kind.OUTPUT_UNREADABLE


def test_a_record_without_headers_is_told_without_a_fault_of_the_audit():
    """Anybody can produce anything to a topic."""

    bare = LogRecord(TOPICS.findings, 0, 3, 0, None, None, [])
    output, violation = READER.output(bare)
    assert output is None
    assert violation.sentence == f"{TOPICS.findings}/0/3 has no header {CAUSE}"
