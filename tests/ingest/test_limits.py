"""One huge broken event ends in quarantine like any other: small enough to be published, and told in few words."""

from __future__ import annotations

import json

from ingest.drafts import encode
from producers.topics import MAX_RECORD_BYTES
from quality.limit import MOST_FINDINGS
from quality.outcome import Outcome
from tests.ingest.pipeline_harness import Log
from tests.integration.records import shopify, shopify_order


def test_a_hundred_thousand_broken_lines_are_one_quarantined_event():
    """A payload that breaks a rule per line neither floods the findings nor makes a record no broker takes."""
    log = Log()
    outcomes = log.take([shopify(shopify_order(1, line_items=[{}] * 100_000), "orders/create")])
    assert [outcome.outcome for outcome in outcomes] == [Outcome.QUARANTINED]
    assert len(log.state.findings) == MOST_FINDINGS
    assert "more findings of this event" in log.state.findings[-1].finding.message
    (record,) = [draft for draft in log.drafts if draft.record == "QuarantineRecord"]
    assert len(encode(record, log.codec).value) < MAX_RECORD_BYTES


def test_an_order_of_many_odd_lines_keeps_what_decides():
    """The gravest finding survives the bound, so the outcome stays what it was."""
    line = shopify_order(1)["line_items"][0]
    lines = [{**line, "id": number, "sku": "", "quantity": 1, "price": "0.20"} for number in range(1, 301)]
    lines[-1] = {**lines[-1], "id": 1}
    log = Log()
    (outcome,) = log.take([shopify(shopify_order(1, line_items=lines), "orders/create")])
    rules = {row.finding.rule for row in log.state.findings}
    assert outcome.outcome is Outcome.QUARANTINED and "line_id_unique" in rules, json.dumps(sorted(rules))
    assert len(log.state.findings) == MOST_FINDINGS
