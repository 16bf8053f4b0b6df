"""What makes two readings of an order the same content: never the way in which they were built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

import mappers
from consumers.catalogue import CHANNELS
from ingest.content import content_hash
from ingest.demo.stream import stream
from ingest.raw_event import RawEvent
from mappers.candidate import PartialChange, Snapshot
from schemas.catalogue import RECORD_TYPES
from schemas.codec import resolving_decoder
from schemas.definitions import self_contained
from tests.ingest.pipeline_harness import _built
from tests.schemas.golden import Golden

CASES = Path(str(mappers.__file__)).parent / "cases"
_PARTS = ("payments", "fulfilments", "adjustments")


def understood(topic: str, values: list[bytes]) -> list[Any]:
    _, pipeline = _built()
    events = [RawEvent(topic, 0, at, None, value, [], 1_764_000_000_000, 1) for at, value in enumerate(values)]
    return [one.mapped for one in pipeline.map(pipeline.decode(events))]


def payloads(channel: str) -> list[bytes]:
    topic = CHANNELS[channel].topic
    demo = [record.value for record in stream(3, 600, 1_764_000_000_000) if record.topic == topic]
    return [file.read_bytes() for file in sorted((CASES / channel).glob("*.json"))] + [v for v in demo if v]


def in_schema_order(order: Any) -> Any:
    codec, _ = _built()
    return codec.decode(codec.encode("CanonicalOrder", order))[1]


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_content_is_the_same_as_mapped_and_as_stored(channel: str) -> None:
    """A re-delivery is no new version, though one reading is fresh from a mapper and the other from storage.

    Also field by field, as joined and derived orders take some fields from each.
    """
    mapped = understood(CHANNELS[channel].topic, payloads(channel))
    orders: list[Any] = [one.order for one in mapped if isinstance(one, Snapshot)]
    parts = [one for one in mapped if isinstance(one, PartialChange)]
    orders += [{**orders[0], **{name: getattr(part, name) for name in _PARTS if getattr(part, name)}} for part in parts]
    assert len(orders) > len(parts) > 0
    for order in orders:
        stored = in_schema_order(order)
        assert content_hash(stored) == content_hash(order)
        for name in order.keys() - {"source_status", "attribution"}:
            assert orjson.dumps(stored[name]) == orjson.dumps(order[name]), name


def test_the_order_of_fields_and_of_map_entries_is_no_content() -> None:
    """A channel that builds its orders, or the entries of a map, in another order says the same."""
    topic = CHANNELS["web"].topic
    order: Any = next(one.order for one in understood(topic, payloads("web")) if isinstance(one, Snapshot))
    order["attribution"] = {"a": "1", "b": "2"}
    turned = {name: order[name] for name in reversed(order)}
    turned["attribution"] = {"b": "2", "a": "1"}
    turned["source_status"] = dict(reversed(order["source_status"].items()))
    assert content_hash(turned) == content_hash(order)


@pytest.mark.parametrize(
    ("kind", "relay", "digest"),
    [
        ("minimal", False, "84c68e44ddcd226b514fb03c9f5521911f9f9de3486416091cdfa9598c3b4700"),
        ("minimal", True, "7f7ccee4a020415d596aa5d03e9fc58ff099a93a80926076ee43d90cadab6bd1"),
        ("full", False, "c8c1b022f770ac8fe982246de646198e3468dfe8eb6ea140f859693b14023bc8"),
        ("full", True, "fd5661da7ab3971b565775227543da26e51bf8685749b510c8e95e7504aac237"),
    ],
)
def test_stored_hashes_stay_what_they_are(kind: str, relay: bool, digest: str) -> None:
    """After an upgrade, an order that is sent again unchanged is still recognised by the hash that is stored.

    Whoever changes what counts as content sees here that every order of every database gets another hash.
    """
    golden = Golden(RECORD_TYPES["CanonicalOrder"], "1.0.0", kind)
    order: Any = resolving_decoder(golden.schema, self_contained(golden.record_type))(golden.data)
    assert content_hash({**order, "contact": {**order["contact"], "relay": relay}}).hex() == digest


@pytest.mark.parametrize("name", ["lines", "totals", "attribution", "source_status", "shipping_address"])
def test_content_that_differs_has_another_hash(name: str) -> None:
    """A change of any business field makes a new version."""
    topic = CHANNELS["web"].topic
    order: Any = next(one.order for one in understood(topic, payloads("web")) if isinstance(one, Snapshot))
    changed = {**order, name: [] if name == "lines" else {"other": "x"}}
    assert content_hash(changed) != content_hash(order)
