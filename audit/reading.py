"""From records of the logs to the few facts that an audit keeps of them."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Container, Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

import fastavro

from audit.evidence import OFFSETS
from audit.facts import UNREADABLE, Headers, LogRecord, Output, RawEvent
from audit.topics import NUMBERED, OutputTopics, Role
from audit.violation import Kind, Position, Violation

CAUSE: Final = "ordergate_cause"
IDENTITY: Final = "ce_id"

FetchSchema = Callable[[int], dict[str, Any] | None]
"""The writer's schema by the id in a record's framing; None for an id that the registry does not know."""

_FRAME: Final = struct.Struct(">bI")
_NO_KEY: Final = bytes(16)
_ZERO: Final = ord("0")
_LONGEST_NUMBER: Final = 14
"""Digits of an offset that is kept in 48 bits."""
_PARTITIONS: Final = 1 << 31
"""A partition is a 32-bit integer (Kafka protocol, "Protocol Primitive Types")."""
_TEXT_OF_ID: Final = 36
_FIELDS: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.ORDERS: ("order_id", "canonical_version"),
    Role.CHANGES: ("order_id", "canonical_version"),
    Role.GUESTS: ("guest_id", "guest_version"),
    Role.FINDINGS: ("order_id", "raw_topic", "raw_partition", "raw_offset"),
    Role.QUARANTINE: (
        "raw_topic", "raw_partition", "raw_offset", "raw_timestamp", "key", "value", "headers", "stage",
    ),
}  # fmt: skip
_VALUE_LEFT_OUT: Final = "value kept in the database only"
"""How the stage of a quarantine record ends when no topic could hold the original."""


class OtherTopic(Exception):
    """An output was caused by a raw topic that is there, but is not part of this audit.

    `numbered`: which version of which order or guest it is; None for none.
    """

    def __init__(self, topic: str, numbered: tuple[Role, bytes, int] | None = None) -> None:
        super().__init__(topic)
        self.topic = topic
        self.numbered = numbered


class _Unreadable(Exception):
    """A record's value is not one of its topic."""


class Reader:
    """Reads outputs: headers, key, and of the value as few fields as the judgement needs."""

    def __init__(
        self,
        topics: OutputTopics,
        raw_topics: Iterable[str],
        schema: FetchSchema,
        other_topics: Container[str] = (),
    ) -> None:
        """`other_topics`: topics of the cluster, so that a cause in one of them is not taken for none."""
        self._roles = {name: role for role, name in topics}
        self._raw_topics = frozenset(raw_topics)
        self._schema = schema
        self._other_topics = other_topics
        self._partitions: dict[bytes, tuple[str, int]] = {}
        self._decoders: dict[tuple[Role, int], Callable[[io.BytesIO], dict[str, Any]]] = {}

    def output(self, record: LogRecord) -> tuple[Output | None, Violation | None]:
        """The facts of an output record, and what is wrong with it. A faulty one still counts as there, when it can.

        Raises OtherTopic.
        """
        topic, partition, offset, timestamp_ms, kafka_key, value, headers = record
        role = self._roles[topic]
        named = dict(headers)
        try:
            cause, cause_offset, wrong = self._cause(record, named.get(CAUSE))
        except OtherTopic as other:
            raise OtherTopic(other.topic, self._numbered(role, value)) from None
        identity = named.get(IDENTITY)
        if not identity:
            identity = str(Position(topic, partition, offset)).encode()
            wrong = wrong or _wrong(record, Kind.OUTPUT_UNREADABLE, f"has no header {IDENTITY}", cause, cause_offset)
        key, version, original = _NO_KEY, UNREADABLE, b""
        try:
            content = self._content(role, value)
            if role in NUMBERED:
                name, number = _FIELDS[role]
                wanted_key = content[name]
                key, version = _id(wanted_key), _version(content[number])
            else:
                said = _raw_position(content)
                if said != (cause, cause_offset) and cause is not None:
                    what = (
                        f"names {Position(*said[0], said[1])} in its value, and another raw event in its header {CAUSE}"
                    )
                    wrong = wrong or _wrong(record, Kind.OUTPUT_DIFFERS, what, cause, cause_offset)
                (cause, cause_offset), version = said, 0
                order_id = content["order_id"] if role is Role.FINDINGS else None
                wanted_key = order_id or str(Position(*cause, cause_offset))
                if role is Role.QUARANTINE:
                    original = _original(content)
        except _Unreadable as error:
            wrong = wrong or _wrong(record, Kind.OUTPUT_UNREADABLE, str(error), cause, cause_offset)
        except (TypeError, ValueError, AttributeError, LookupError):
            what = "has a value whose fields have other types than its topic's"
            wrong = wrong or _wrong(record, Kind.OUTPUT_UNREADABLE, what, cause, cause_offset)
        else:
            if kafka_key != wanted_key.encode():
                what = f"has another Kafka key than its content asks for, {wanted_key}"
                wrong = wrong or _wrong(record, Kind.KEY_DIFFERS, what, cause, cause_offset)
        if cause is None and role not in NUMBERED:
            return None, wrong
        return Output(
            role, partition, offset, timestamp_ms, sha256(identity).digest(), key, version,
            cause, cause_offset, original,
        ), wrong  # fmt: skip

    def _numbered(self, role: Role, value: bytes | None) -> tuple[Role, bytes, int] | None:
        """The order's or guest's id and version in a value, None when there is none."""
        if role not in NUMBERED:
            return None
        name, number = _FIELDS[role]
        try:
            content = self._content(role, value)
            return role, _id(content[name]), _version(content[number])
        except (_Unreadable, TypeError, AttributeError):
            return None

    def _cause(self, record: LogRecord, header: bytes | None) -> tuple[tuple[str, int] | None, int, Violation | None]:
        """The raw partition and offset that a header names, or what is wrong with it. Raises OtherTopic."""
        if header is None:
            return None, 0, _wrong(record, Kind.OUTPUT_WITHOUT_CAUSE, f"has no header {CAUSE}")
        before, _, number = header.rpartition(b"/")
        partition = self._partitions.get(before)
        if partition is None or not _is_number(number):
            topic, _, within = before.rpartition(b"/")
            name = topic.decode(errors="replace")
            if not (_is_number(within) and _is_number(number)):
                what = f"has a header {CAUSE} that is no raw position"
                return None, 0, _wrong(record, Kind.OUTPUT_WITHOUT_CAUSE, what)
            if name not in self._raw_topics:
                if name in self._other_topics:
                    raise OtherTopic(name)
                what = f"names a raw event of {name}: there is no such topic"
                return None, 0, _wrong(record, Kind.OUTPUT_WITHOUT_CAUSE, what)
            partition = self._partitions[before] = (name, int(within))
        return partition, int(number), None

    def _content(self, role: Role, value: bytes | None) -> dict[str, Any]:
        if value is None or len(value) < _FRAME.size or value[0] != 0:
            raise _Unreadable("has a value that is not Avro in Confluent framing")
        schema_id = _FRAME.unpack_from(value)[1]
        try:
            decode = self._decoders[role, schema_id]
        except KeyError:
            decode = self._decoders[role, schema_id] = self._decoder(role, schema_id)
        stream = io.BytesIO(value)
        stream.seek(_FRAME.size)
        try:
            return decode(stream)
        except (ValueError, LookupError, EOFError, TypeError, OverflowError) as error:
            raise _Unreadable(
                f"has a value that its schema {schema_id} does not fit ({type(error).__name__})"
            ) from None

    def _decoder(self, role: Role, schema_id: int) -> Callable[[io.BytesIO], dict[str, Any]]:
        schema = self._schema(schema_id)
        if schema is None:
            raise _Unreadable(f"has the schema id {schema_id}, which the registry does not know")
        try:
            return prefix_decoder(schema, _FIELDS[role])
        except LookupError:
            wanted = ", ".join(_FIELDS[role])
            named = schema.get("name", "schema of no record")
            raise _Unreadable(f"has the schema id {schema_id}, a {named} without {wanted}") from None
        except (TypeError, ValueError, AttributeError, fastavro.schema.SchemaParseException):
            raise _Unreadable(f"has the schema id {schema_id}, which is no Avro schema of its own") from None


def prefix_decoder(schema: dict[str, Any], fields: Iterable[str]) -> Callable[[io.BytesIO], dict[str, Any]]:
    """A function that reads the named fields of a record, and nothing behind the last of them.

    Avro writes a record as its fields one after the other, with nothing between (Avro 1.12 specification, "Binary
    encoding, complex types"), so the first fields of a schema are a schema of their own. Raises LookupError when a
    field is not there.
    """
    names = [field["name"] for field in schema.get("fields", ())]
    wanted = set(fields)
    if not wanted <= set(names):
        raise LookupError(wanted - set(names))
    last = max(names.index(name) for name in wanted)
    written = _without_logical_types({**schema, "fields": schema["fields"][: last + 1]})
    asked = {**written, "fields": [field for field in written["fields"] if field["name"] in wanted]}
    writer = fastavro.parse_schema(written)
    # A field or two are read faster than they are skipped.
    few = len(written["fields"]) <= len(wanted) + 2
    reader = None if few else fastavro.parse_schema(asked)

    read = fastavro.schemaless_reader

    def decode(stream: io.BytesIO) -> dict[str, Any]:
        return read(stream, writer, reader)  # type: ignore[return-value]  # a record schema gives a dict

    return decode


def raw_event(record: LogRecord) -> RawEvent:
    """The facts of a raw record."""
    topic, partition, offset, timestamp_ms, key, value, headers = record
    return RawEvent(topic, partition, offset, timestamp_ms, digest(key, value, headers, timestamp_ms))


def digest(key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int) -> bytes:
    """Eight bytes that tell two originals apart: key, value, headers with their order, and timestamp."""
    pieces = [key, value]
    for name, content in headers:
        pieces += (name.encode(), content)
    lengths = [-1 if piece is None else len(piece) for piece in pieces]
    made = sha256(b"%d %a" % (timestamp_ms, lengths))
    for piece in pieces:
        if piece:
            made.update(piece)
    return made.digest()[:8]


def _raw_position(content: dict[str, Any]) -> tuple[tuple[str, int], int]:
    """The raw partition and offset that a value names; raises _Unreadable for what can be none."""
    topic, partition, offset = content["raw_topic"], content["raw_partition"], content["raw_offset"]
    if not (0 <= partition < _PARTITIONS and 0 <= offset <= OFFSETS):
        raise _Unreadable("names a raw event at a place that no log has")
    return (topic, partition), offset


def _id(text: str) -> bytes:
    """The 16 bytes of an id in its text form; raises _Unreadable for anything else."""
    try:
        made = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        made = b""
    if len(text) != _TEXT_OF_ID or len(made) != len(_NO_KEY):
        raise _Unreadable("has an id that is no UUID")
    return made


def _version(number: int) -> int:
    """A version that can be one; raises _Unreadable."""
    if number < 1:
        raise _Unreadable(f"has version {number}: versions begin with 1")
    return number


def _original(content: dict[str, Any]) -> bytes:
    """The digest of a quarantined event; empty when the record says that it does not hold the value."""
    if content["stage"].endswith(_VALUE_LEFT_OUT):
        return b""
    headers = [(one["name"], one["value"]) for one in content["headers"]]
    return digest(content["key"], content["value"], headers, content["raw_timestamp"] // 1000)


def _is_number(text: bytes) -> bool:
    """Whether it is an offset or a partition as Ordergate writes it."""
    return text.isdigit() and (text[0] != _ZERO or len(text) == 1) and len(text) <= _LONGEST_NUMBER


def _wrong(
    record: LogRecord, kind: Kind, what: str, cause: tuple[str, int] | None = None, cause_offset: int = 0
) -> Violation:
    place = Position(*record[:3])
    raw = Position(*cause, cause_offset) if cause else None
    return Violation(kind, f"{place} {what}", raw=raw, output=place)


def _without_logical_types(schema: Any) -> Any:
    """The schema with the same bytes whose instants stay integers."""
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        return {name: _without_logical_types(part) for name, part in schema.items() if name != "logicalType"}
    return schema
