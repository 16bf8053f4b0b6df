"""Every payload in the tables is understood as someone who knows Shopify would sign."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from consumers.shopify import CHANNEL
from mappers.candidate import DefectiveEvent, EventContext, Ignored, PartialChange, Snapshot
from schemas import money
from schemas.json_document import decode

CASES = Path(__file__).parents[3] / "mappers/cases/shopify"
SAMPLES = Path(__file__).parents[4] / "shared/payloads/shopify"
SCHEMA = json.loads((CASES / "table.schema.json").read_text())
RECEIVED_AT = 1_780_000_000_000_000

OF_THE_PIPELINE = frozenset(
    {
        "file",
        "outcome",
        "because",
        "derived_order_status",
        "derived_payment_status",
        "derived_fulfilment_status",
        "warnings",
    }
)

needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the payloads published by others are not beside this checkout"
)


def rows(table: str) -> list[Any]:
    document = yaml.safe_load((CASES / table).read_text())
    jsonschema.validate(document, SCHEMA)
    return [pytest.param(row, id=row["file"].removesuffix(".json")) for row in document["rows"]]


def understood(headers: dict[str, bytes], document: dict[str, Any]) -> Any:
    """(envelope, what it means), or the defects."""
    try:
        envelope = CHANNEL.identify(headers, document)
        context = EventContext("shopify", envelope.source_account, envelope.event_kind, envelope.event_id, RECEIVED_AT)
        return envelope, CHANNEL.map_event(document, context)
    except DefectiveEvent as defective:
        return None, {defect.path: defect.rule for defect in defective.defects}


def observed(envelope: Any, mapped: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The columns of the table as the mapper sees them."""
    if isinstance(mapped, dict):
        return {"rules": mapped}
    seen: dict[str, Any] = {"event_kind": envelope.event_kind}
    if isinstance(mapped, Ignored):
        seen["reason"] = mapped.reason
    elif isinstance(mapped, PartialChange):
        seen["order_id"] = mapped.source_order_id
        seen["shipment"] = next((part["status"] for part in mapped.fulfilments), None)
        seen["adjustments"] = [told(adjustment) for adjustment in mapped.adjustments]
        seen["payments"] = [told(payment) for payment in mapped.payments]
    elif isinstance(mapped, Snapshot):
        seen |= of_order(mapped.order)
        if "rules" in row:
            unmapped = CHANNEL.map_statuses(mapped.order["source_status"]).unmapped
            seen["rules"] = {f"source_status.{axis}": "status_mapped" for axis, _ in unmapped}
    return seen


def of_order(order: Any) -> dict[str, Any]:
    totals = order["totals"]
    return {
        "order_id": order["source_order_id"],
        "currency": order["currency"],
        "total": money.to_text(totals["total_original"]),
        "total_current": money.to_text(totals["total_current"]),
        "authorised": None if totals["authorised"] is None else money.to_text(totals["authorised"]),
        "captured": None if totals["captured"] is None else money.to_text(totals["captured"]),
        "refunded": money.to_text(totals["refunded"]),
        "tip": money.to_text(totals["tip"]),
        "shipping": money.to_text(totals["shipping"]),
        "fees": money.to_text(totals["fees"]),
        "lines": len(order["lines"]),
        "ordered": [line["quantity"]["ordered"] for line in order["lines"]],
        "current": [line["quantity"]["current"] for line in order["lines"]],
        "returned": [line["quantity"]["returned"] for line in order["lines"]],
        "order_status": order["order_status"],
        "payment_status": order["payment_status"],
        "fulfilment_status": order["fulfilment_status"],
        "contact": bool(order["contact"]["email_raw"] or order["contact"]["phone_raw"]),
        "origin": order["origin_channel"],
        "shipped": [line["requires_shipping"] for line in order["lines"]],
        "customer": order["customer"]["kind"],
        "customer_id": order["customer"]["customer_id"],
        "flags": order["flags"],
        "adjustments": [told(adjustment) for adjustment in order["adjustments"]],
    }


def told(part: Any) -> str:
    return f"{part['kind']} {part['status']} {money.to_text(part['amount'])}"


def expected(row: dict[str, Any]) -> dict[str, Any]:
    # "because" is for readers; the rest is the pipeline's, see tests/ingest/test_shopify_cases.py.
    return {name: value for name, value in row.items() if name not in OF_THE_PIPELINE}


def check(headers: dict[str, bytes], document: dict[str, Any], row: dict[str, Any]) -> None:
    envelope, mapped = understood(headers, document)
    seen = observed(envelope, mapped, row)
    assert {name: seen.get(name) for name in expected(row)} == expected(row)
    assert isinstance(mapped, SIGNED[row["outcome"]])
    if row["outcome"] == "IGNORED" and isinstance(mapped, Snapshot):
        assert "test" in mapped.order["flags"], "only a test order is a snapshot that does not count"


SIGNED: dict[str, tuple[type, ...]] = {
    "GOVERNED": (Snapshot,),
    "PARKED": (PartialChange,),
    "IGNORED": (Ignored, Snapshot),
    "QUARANTINED": (dict,),
}


@needs_samples
@pytest.mark.parametrize("row", rows("samples.yaml"))
def test_a_published_sample_is_understood_as_signed(row: dict[str, Any]) -> None:
    """Real Shopify bodies of ten years, without their headers, mean what they say."""
    check({}, decode((SAMPLES / row["file"]).read_bytes()), row)


@needs_samples
def test_no_published_sample_is_left_out() -> None:
    """A sample that is added without a signed outcome is noticed."""
    assert {row.values[0]["file"] for row in rows("samples.yaml")} == {p.name for p in SAMPLES.glob("*.json")}


@pytest.mark.parametrize("row", rows("cases.yaml"))
def test_a_case_is_understood_as_signed(row: dict[str, Any]) -> None:
    """Each situation of a shop has the meaning its row states."""
    case = json.loads((CASES / row["file"]).read_text())
    headers = {name.lower(): value.encode() for name, value in case["headers"].items()}
    check(headers, case["body"], row)


def test_no_case_is_left_out() -> None:
    """A case file without a row would never be looked at."""
    files = {path.name for path in CASES.glob("*.json")} - {"table.schema.json"}
    assert {row.values[0]["file"] for row in rows("cases.yaml")} == files
