"""What was written under a published schema stays readable, and is still written in the same bytes."""

from __future__ import annotations

import copy
import io
from typing import Any

import fastavro
import pytest
from fastavro.read import SchemaResolutionError

from schemas.catalogue import RECORD_TYPES
from schemas.codec import Codec, resolving_decoder, without_logical_types
from schemas.definitions import Definition, published, self_contained
from tests.schemas import records
from tests.schemas.golden import Golden, all_golden

IDS = {name: at for at, name in enumerate(RECORD_TYPES, start=1)}
CURRENT = [golden for golden in all_golden() if golden.version == golden.record_type.version]


def readable(writer: Definition, reader: Definition) -> bool:
    """Whether full and minimal records of one schema are read by the other, every text and number kept."""
    for make in (records.full, records.minimal):
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, fastavro.parse_schema(without_logical_types(writer)), make(writer))
        try:
            resolving_decoder(writer, reader)(stream.getvalue())
        except SchemaResolutionError:
            return False
    return True


@pytest.mark.parametrize("golden", CURRENT, ids=str)
def test_a_record_keeps_its_bytes(golden: Golden) -> None:
    """A release that changes nothing in a schema changes no byte of what consumers get."""
    name = golden.record_type.name
    assert Codec(IDS).encode(name, golden.record) == b"\0" + IDS[name].to_bytes(4, "big") + golden.data


@pytest.mark.parametrize("golden", CURRENT, ids=str)
def test_bytes_of_a_published_version_give_their_record_back(golden: Golden) -> None:
    """What lies in a topic for years is read as it was meant."""
    framed = b"\0" + IDS[golden.record_type.name].to_bytes(4, "big") + golden.data
    assert Codec(IDS).decode(framed) == (golden.record_type.name, golden.record)


@pytest.mark.parametrize("golden", all_golden(), ids=str)
def test_todays_reader_reads_every_published_version(golden: Golden) -> None:
    """A consumer that upgrades first can go on reading old records."""
    record = resolving_decoder(golden.schema, self_contained(golden.record_type))(golden.data)
    assert {key: record[key] for key in golden.record} == golden.record


@pytest.mark.parametrize("golden", all_golden(), ids=str)
def test_readers_of_every_published_version_read_today(golden: Golden) -> None:
    """A consumer that never upgrades can go on reading new records."""
    assert readable(self_contained(golden.record_type), golden.schema)


@pytest.mark.parametrize("record_type", RECORD_TYPES.values(), ids=lambda r: r.file)
def test_all_published_versions_read_each_other(record_type: Any) -> None:
    """FULL_TRANSITIVE: every pair of versions, in both directions."""
    versions = published(record_type)
    assert versions
    unreadable = [
        (old, new)
        for old, writer in versions.items()
        for new, reader in versions.items()
        if not readable(writer, reader)
    ]
    assert not unreadable


def _with_field(schema: Definition, **field: Any) -> Definition:
    changed = copy.deepcopy(schema)
    changed["fields"].append(field)
    return changed


def test_an_optional_field_may_be_added_later() -> None:
    """The way in which schemas are meant to grow is open, for every record type."""
    for record_type in RECORD_TYPES.values():
        now = self_contained(record_type)
        later = _with_field(now, name="added", type=["null", "string"], default=None)
        assert readable(now, later)
        assert readable(later, now)


def test_a_required_field_cannot_be_added_or_removed_unseen() -> None:
    """The comparison tells a change that would stop consumers."""
    now = self_contained(RECORD_TYPES["OrderChange"])
    later = _with_field(now, name="added", type="string")
    assert not readable(now, later)
    removed = copy.deepcopy(now)
    del removed["fields"][0]
    assert not readable(removed, now)


def test_a_new_symbol_reads_as_unknown_by_an_old_reader() -> None:
    """An order with a status that a consumer does not know yet still reaches it."""
    old = self_contained(RECORD_TYPES["OrderChange"])
    new = copy.deepcopy(old)
    (kind,) = (field for field in new["fields"] if field["name"] == "kind")
    kind["type"]["symbols"].append("CORRECTION")
    stream = io.BytesIO()
    fastavro.schemaless_writer(
        stream,
        fastavro.parse_schema(without_logical_types(new)),
        records.minimal(new) | {"kind": "CORRECTION"},
    )
    assert resolving_decoder(new, old)(stream.getvalue())["kind"] == "UNKNOWN"
