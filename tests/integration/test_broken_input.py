"""Broken input of every kind ends as a quarantined record or a defined outcome, and the next event is processed."""

from __future__ import annotations

import json

import pytest

from tests.integration.deployment import Deployment, audit, header
from tests.integration.records import SHOPIFY, Raw, shopify, shopify_order

pytestmark = pytest.mark.stack

HEADERS = [("X-Shopify-Topic", b"orders/create"), ("X-Shopify-Shop-Domain", b"tea.myshopify.com")]


def raw(value: bytes | None, headers=HEADERS, key: bytes | None = b"k") -> Raw:
    return Raw(SHOPIFY, value, key, list(headers), partition=0)


def changed(**changes) -> bytes:
    return json.dumps(shopify_order(1, **changes)).encode()


GOOD = json.dumps(shopify_order(1)).encode()
BROKEN = {
    "not JSON": (raw(b"<order/>"), "payload_json"),
    "truncated": (raw(GOOD[:-20]), "payload_json"),
    "trailing comma": (raw(GOOD[:-1] + b",}"), "payload_json"),
    "duplicate keys": (
        raw(GOOD.replace(b'"currency": "EUR"', b'"currency": "EUR", "currency": "USD"')),
        "payload_duplicate_key",
    ),
    "wrong types": (raw(changed(line_items="none", total_price=[])), "payload_shape"),
    "NaN": (raw(GOOD.replace(b'"24.00"', b"NaN")), None),
    "Infinity": (raw(GOOD.replace(b'"24.00"', b"-Infinity")), None),
    "10 MB": (raw(b'{"id": 1, "note": "' + b"x" * 10_000_000 + b'"}'), "payload_too_large"),
    "empty": (raw(b""), "payload_empty"),
    "tombstone": (raw(None), "payload_tombstone"),
    "unknown topic event": (raw(GOOD, [("X-Shopify-Topic", b"orders/teleported")]), "event_kind_known"),
    "invalid UTF-8": (raw(GOOD.replace(b"Tea", b"\xff\xfe")), "payload_utf8"),
    "lone surrogate": (raw(GOOD.replace(b"Tea", b"\\ud800")), "payload_surrogate"),
    "NUL character": (raw(GOOD.replace(b"Tea", b"a\\u0000b")), "payload_nul"),
    "nesting bomb of arrays": (raw(b"[" * 100_000 + b"]" * 100_000), None),
    "nesting bomb of objects": (raw(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), None),
    "an array": (raw(b"[1, 2]"), "payload_not_object"),
    "a number": (raw(b"17"), "payload_not_object"),
    "id beyond 64 bits": (raw(GOOD.replace(b'"id": 1,', b'"id": 123456789012345678901234567890,', 1)), None),
    "id as a fraction": (raw(changed(id=1.5)), "payload_shape"),
    "no id": (raw(changed(id=None)), None),
    "unknown currency": (raw(changed(currency="XXQ")), "currency_iso4217"),
    "header that is not text": (raw(GOOD, [("X-Shopify-Topic", b"\xff\xff")]), None),
}


def test_every_kind_of_broken_input_is_kept_whole_and_the_next_event_is_processed(deployment: Deployment):
    """Each broken record is followed by a good one: the broken is in quarantine byte for byte, the good governed."""
    records, expected = [], []
    for number, (name, (record, rule)) in enumerate(BROKEN.items(), 1000):
        good = shopify(shopify_order(number), "orders/create", partition=0)
        records += [record, good]
        expected.append((name, record, rule))
    positions = deployment.publish(records)
    worker = deployment.start()
    deployment.wait_decided(len(records), 90)
    outputs = audit(deployment)
    assert worker.process.poll() is None

    stored = {
        row[0]: row[1:]
        for row in deployment.rows("SELECT raw_offset, key, value, timestamp_ms, reasons FROM quarantine")
    }
    codec = deployment.codec()
    published = {header(m, "ordergate_cause"): codec.decode(m.value())[1] for m in outputs["oms.quarantine.v1"]}
    offsets = dict(deployment.rows("SELECT raw_offset, outcome FROM outcomes"))
    for index, (name, record, rule) in enumerate(expected):
        topic, partition, offset = positions[2 * index]
        assert offsets[offset] == "QUARANTINED", name
        assert offsets[offset + 1] == "GOVERNED", f"the event after {name}"
        key, value, timestamp, reasons = stored[offset]
        assert (key, value, timestamp) == (record.key, record.value, record.timestamp_ms), name
        copy = published[f"{topic}/{partition}/{offset}"]
        assert (copy["key"], copy["value"]) == (record.key, record.value), name
        assert [(h["name"], h["value"]) for h in copy["headers"]] == record.headers, name
        assert copy["raw_timestamp"] == record.timestamp_ms * 1000
        rules = {reason["rule"] for reason in reasons}
        assert rules, name
        assert rule is None or rule in rules, f"{name}: {rules}"
        assert all(reason["owner"] and reason["message"] for reason in reasons), name


def test_ids_above_2_to_the_53_survive_exactly(deployment: Deployment):
    """Shopify's own test webhook has an id that a float cannot hold: it stays the same text end to end."""
    huge = 820_982_911_946_154_508
    deployment.publish([shopify(shopify_order(huge), "orders/create")])
    deployment.start()
    deployment.wait_decided(1)
    (message,) = audit(deployment)["oms.orders.v1"]
    order = deployment.codec().decode(message.value())[1]
    assert order["source_order_id"] == str(huge)


def test_an_event_that_the_database_refuses_is_quarantined_alone(deployment: Deployment):
    """A constraint error in a batch is traced down to the one event; all others of the batch are governed."""
    deployment.rows_written(
        "ALTER TABLE orders ADD CONSTRAINT no_number_13 CHECK (source_order_number IS DISTINCT FROM '#13')"
    )
    deployment.publish([shopify(shopify_order(n), "orders/create", partition=0) for n in range(1, 41)])
    deployment.start()
    deployment.wait_decided(40)
    audit(deployment)
    refused = deployment.rows("SELECT raw_offset, reasons FROM quarantine")
    assert len(refused) == 1
    assert [reason["rule"] for reason in refused[0][1]] == ["record_refused"]
    assert deployment.rows("SELECT count(*) FROM orders") == [(39,)]


def test_a_database_that_refuses_everything_stops_the_worker(deployment: Deployment):
    """A broken table is the operator's matter: the worker leaves with an explanation and quarantines no stream."""
    deployment.rows_written("ALTER TABLE orders ADD CONSTRAINT nothing CHECK (canonical_version < 0)")
    deployment.publish([shopify(shopify_order(n), "orders/create", partition=0) for n in range(1, 41)])
    worker = deployment.start()
    assert worker.process.wait(60) != 0
    assert "refuses one event after the other" in worker.text()
    assert deployment.rows("SELECT count(*) FROM quarantine")[0][0] <= 5
