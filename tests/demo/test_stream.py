"""The demo stream is repeatable, whole, and what it calls good is good."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from itertools import islice

import orjson
import pytest

from consumers.catalogue import CHANNELS
from consumers.shopify import DEDUCED, IGNORED_TOPICS
from guests.contact import ContactNormaliser
from ingest.demo import world
from ingest.demo.records import DefectKind, Labelled, Mishap
from ingest.demo.stream import labelled_stream, stream
from mappers.candidate import DefectiveEvent, EventContext, Mapped, Snapshot
from quality import contract_files
from quality.lifecycle.derivation import derive
from quality.rules import compile_rules
from schemas.json_document import DocumentError, decode

START = 1_795_000_000_000
EVENTS = 20_000


@pytest.fixture(scope="module")
def told() -> list[Labelled]:
    return list(labelled_stream(7, EVENTS, START))


def understand(labelled: Labelled) -> Mapped:
    channel = CHANNELS[labelled.channel]
    document = decode(labelled.record.value)
    headers = {name.lower(): value for name, value in labelled.record.headers}
    envelope = channel.identify(headers, document)
    return channel.map_event(
        document,
        EventContext(
            channel.name,
            envelope.source_account,
            envelope.event_kind,
            envelope.event_id,
            labelled.record.timestamp_ms * 1000,
        ),
    )


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    """A demo, a benchmark and a bug report can be repeated to the byte."""
    once, again = list(stream(3, 2_000, START)), list(stream(3, 2_000, START))
    assert once == again
    assert once != list(stream(4, 2_000, START))


def test_a_longer_stream_begins_like_a_shorter_one():
    """Asking for more events adds to the end only."""
    assert list(islice(stream(3, 5_000, START), 500)) == list(stream(3, 500, START))


def test_records_come_in_the_order_of_their_timestamps(told):
    """The stream can be produced as it is, as if the shops were live."""
    times = [labelled.record.timestamp_ms for labelled in told]
    assert times == sorted(times)
    assert times[0] == START


def test_about_one_event_in_twenty_is_defective_and_every_kind_of_defect_occurs(told):
    """Every way to quarantine an event can be shown from one demo run."""
    defects = Counter(labelled.defect for labelled in told)
    assert set(defects) == {None, *DefectKind}
    assert 0.04 <= 1 - defects[None] / EVENTS <= 0.06


def test_every_kind_of_event_and_mishap_occurs(told):
    """Whatever a channel can publish, the demo shows."""
    kinds = {(labelled.channel, labelled.kind) for labelled in told}
    deduced = {kind for kind in DEDUCED.values() if kind.endswith("/snapshot")}
    unsubscribed = IGNORED_TOPICS | {"order_transactions/create"}  # shops need no topic but those of orders
    assert kinds == {("web", kind) for kind in CHANNELS["web"].event_kinds} | {
        ("shopify", kind) for kind in CHANNELS["shopify"].event_kinds - deduced - unsubscribed
    }
    assert {labelled.mishap for labelled in told} == {None, *Mishap}


def test_every_shop_and_currency_occurs(told):
    """The demo sells in currencies of no, two and three decimals."""
    orders = [understand(labelled).order for labelled in _good_orders(told[:2_000])]
    accounts = {order["source_account"] for order in orders}
    assert accounts == {shop.account for channel in CHANNELS for shop in world.shops(channel)}
    currencies = {order["currency"] for order in orders}
    assert currencies == {"EUR", "USD", "GBP", "JPY", "KWD", "INR"}


def test_good_events_are_understood_without_unknown_fields(told):
    """Nothing that the stream calls good is quarantined for its shape."""
    for labelled in told[:6_000]:
        if labelled.defect is None:
            assert understand(labelled).unknown_fields == 0, labelled


UNREADABLE = {
    DefectKind.TRUNCATED_JSON: "payload_json",
    DefectKind.DUPLICATE_KEY: "payload_duplicate_key",
    DefectKind.NOT_A_NUMBER: "payload_number",
    DefectKind.INVALID_UTF8: "payload_utf8",
    DefectKind.EMPTY: "payload_empty",
    DefectKind.TOMBSTONE: "payload_tombstone",
    DefectKind.NOT_AN_OBJECT: "payload_not_object",
}
MISUNDERSTOOD = {
    DefectKind.WRONG_TYPE,
    DefectKind.MISSING_CURRENCY,
    DefectKind.UNKNOWN_CURRENCY,
    DefectKind.AMOUNT_WITH_COMMA,
    DefectKind.UNKNOWN_EVENT_KIND,
    DefectKind.CONTRADICTING_HEADER,
    DefectKind.MISSING_ORDER_ID,
    DefectKind.IMPLAUSIBLE_CONTACT,
    DefectKind.NUMBER_FOR_TOTAL,
    DefectKind.LOCAL_TIME,
}
UNDERSTOOD_NOT = {*UNREADABLE, *MISUNDERSTOOD}


def test_defects_of_form_are_refused_where_they_should_be(told):
    """A defect that the stream promises is one that a reader of the topic meets."""
    for labelled in told:
        if labelled.defect in UNREADABLE:
            with pytest.raises(DocumentError) as refused:
                understand(labelled)
            assert refused.value.rule == UNREADABLE[labelled.defect]
        elif labelled.defect in MISUNDERSTOOD:
            with pytest.raises(DefectiveEvent):
                understand(labelled)


def _good_orders(told: list[Labelled]) -> list[Labelled]:
    return [
        labelled for labelled in told if labelled.defect is None and labelled.kind.startswith(("order.", "orders/"))
    ]


def test_sums_of_good_web_orders_add_up(told):
    """No order of the demo storefront is quarantined for its arithmetic."""
    checked = 0
    for labelled in _good_orders(told[:6_000]):
        if labelled.channel != "web":
            continue
        mapped = understand(labelled)
        assert isinstance(mapped, Snapshot)
        order = mapped.order
        sums = {name: part["amount_minor"] for name, part in order["totals"].items() if part}
        lines = order["lines"]
        gross = sum(line["unit_price"]["amount_minor"] * line["quantity"]["ordered"] for line in lines)
        assert sums["items_gross"] == gross
        assert sums["discount"] == sum(line["discount_total"]["amount_minor"] for line in lines)
        taxes = [line["tax_total"] for line in lines] + [
            tax["amount"] for part in order["shipping_lines"] for tax in part["taxes"]
        ]
        assert sums["tax"] == sum(tax["amount_minor"] for tax in taxes)
        added = 0 if order["prices_include_tax"] else sums["tax"]
        total = gross + sums["shipping"] + sums["tip"] + sums["fees"] + added - sums["discount"]
        assert sums["total_original"] == total
        assert sums["refunded"] <= sums["captured"]
        for line in lines:
            whole = line["unit_price"]["amount_minor"] * line["quantity"]["ordered"]
            assert line["total"]["amount_minor"] == whole - line["discount_total"]["amount_minor"]
        checked += 1
    assert checked > 1_000


def test_versions_of_a_web_order_rise_without_gaps_but_for_mishaps_and_defects(told):
    """Order per key mostly holds: what arrives out of order does so on purpose."""
    last: dict[bytes, int] = {}
    broken = 0
    for labelled in told:
        if labelled.channel == "web" and labelled.kind.startswith("order.") and labelled.defect is None:
            version = orjson.loads(labelled.record.value or b"")["data"]["order"]["version"]
            expected = last.get(labelled.record.key or b"", 0) + 1
            broken += version != expected
            last[labelled.record.key or b""] = max(version, expected - 1)
    orders = len(last)
    assert 0 < broken < orders / 4


def test_records_of_an_order_have_its_key(told):
    """Everything about one order lands on one partition, whatever happened to it on its way."""
    for labelled in told:
        if labelled.defect is None and labelled.channel == "shopify":
            body = orjson.loads(labelled.record.value or b"")
            assert labelled.record.key == str(body.get("order_id") or body["id"]).encode()


def test_records_are_keyed_as_their_channels_say(told):
    """The demo publishes as a channel's developers are told to."""
    for labelled in told:
        if labelled.defect is None:
            key = CHANNELS[labelled.channel].key_of(orjson.loads(labelled.record.value or b""))
            assert labelled.record.key == (key or "").encode()


def test_guests_come_back_and_make_accounts(told):
    """Conversions can be shown: by the session of the order, and by another one with the same e-mail."""
    sessions: dict[str, set[str]] = {}
    created, ordered = set(), set()
    for labelled in told:
        if labelled.channel != "web" or labelled.defect:
            continue
        body = orjson.loads(labelled.record.value or b"")
        session = body["session_id"]
        if labelled.kind == "contact.captured":
            sessions.setdefault(body["data"]["email"], set()).add(session)
        elif labelled.kind == "account.created":
            created.add(session)
        elif labelled.kind == "order.placed" and body["data"]["order"]["customer"]["type"] == "guest":
            ordered.add(session)
    assert created & ordered
    assert created - ordered
    assert sum(len(of_one) > 1 for of_one in sessions.values()) > 50


def test_memory_does_not_grow_with_the_length_of_the_stream():
    """A million events can be generated on a small machine."""
    records = stream(5, 30_000, START)
    for _ in islice(records, 5_000):
        pass
    tracemalloc.start()
    try:
        for _ in islice(records, 1_000):
            pass
        early, _ = tracemalloc.get_traced_memory()
        for _ in islice(records, 5_000):
            pass
        late, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert late < early + 2_000_000


def test_good_web_orders_break_no_rule_and_wrong_ones_do(told):
    """The quarantine of a demo run holds what was spoilt on purpose, and nothing else of the storefront's."""
    channel = CHANNELS["web"]
    check = compile_rules(contract_files.load(channel.contract))
    normaliser = ContactNormaliser(b"k" * 32, "test")
    found: dict[DefectKind | None, set[str]] = {}
    orders = [labelled for labelled in told if labelled.channel == "web" and labelled.kind.startswith("order.")]
    spoilt = [labelled for labelled in orders if labelled.defect and labelled.defect not in UNDERSTOOD_NOT]
    for labelled in [labelled for labelled in orders if not labelled.defect][:1_500] + spoilt:
        mapped = understand(labelled)
        order = derive(mapped.order, channel.map_statuses(mapped.order["source_status"]))
        order["contact"] = normaliser.normalise(order["contact"], order["shipping_address"]["country"])
        found.setdefault(labelled.defect, set()).update(finding.rule for finding in check(order))
    assert found[None] == set()
    assert found[DefectKind.WRONG_TOTAL] == {"total_equation"}
    assert found[DefectKind.WRONG_LINE_TOTAL] == {"line_net_equation"}
    assert found[DefectKind.UNKNOWN_COUNTRY] == {"ship_country_iso"}
    assert found[DefectKind.NO_SKU] == {"sku_present"}
    assert found[DefectKind.TEST_ORDER] == {"not_test_order"}
    assert found[DefectKind.REFUND_ABOVE_PAID] == {"refund_le_paid"}
    assert "qty_positive" in found[DefectKind.NEGATIVE_QUANTITY]
