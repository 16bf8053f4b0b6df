"""What the whole pipeline makes of each signed Shopify case, not only its mapper."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from consumers.shopify import CHANNEL
from schemas import instants
from tests.ingest.pipeline_harness import Log

CASES = Path(__file__).parents[2] / "mappers/cases/shopify"
ROWS = yaml.safe_load((CASES / "cases.yaml").read_text())["rows"]
RECEIVED_AT = 1_780_000_000_000_000
A_CASE = [pytest.param(row, id=row["file"].removesuffix(".json")) for row in ROWS]
AN_ORDER = [case for case in A_CASE if "order_status" in case.values[0] and case.values[0]["outcome"] != "IGNORED"]  # type: ignore[index,call-overload]  # a row


def taken(row: dict[str, Any]) -> tuple[Log, str]:
    """A log that has taken the case, when the last thing it tells has happened, and the case's outcome."""
    text = (CASES / row["file"]).read_text()
    case = json.loads(text)
    at = max([instants.parse(told) for told in re.findall(r'_at": "([0-9T:-]+[+]01:00)"', text)], default=RECEIVED_AT)
    record = SimpleNamespace(
        topic=CHANNEL.topic,
        key=None,
        value=json.dumps(case["body"]).encode(),
        headers=[(name, value.encode()) for name, value in case["headers"].items()],
        timestamp_ms=at // 1000,
    )
    log = Log()
    (outcome,) = log.take([record])
    return log, outcome.outcome.name


@pytest.mark.parametrize("row", A_CASE)
def test_a_case_has_the_outcome_that_is_signed(row: dict[str, Any]) -> None:
    """Nobody's order waits in quarantine that someone who knows Shopify would let through, nor the reverse."""
    assert taken(row)[1] == row["outcome"]


@pytest.mark.parametrize("row", AN_ORDER)
def test_a_case_is_published_in_the_states_that_are_signed(row: dict[str, Any]) -> None:
    """The warehouse and finance see where goods and money are, also where Shopify's word is another."""
    (order,) = taken(row)[0].published("CanonicalOrder")
    for axis in ("order_status", "payment_status", "fulfilment_status"):
        assert (axis, order[axis]) == (axis, row.get(f"derived_{axis}", row[axis]))


@pytest.mark.parametrize("row", AN_ORDER)
def test_a_case_warns_of_what_is_signed(row: dict[str, Any]) -> None:
    """A correct order sends nobody looking for a defect."""
    findings = taken(row)[0].published("QualityFinding")
    about_the_order = [finding for finding in findings if finding["rule_id"] != "ingest_lag"]
    warned = sorted(finding["rule_id"] for finding in about_the_order if finding["severity"] != "info")
    assert warned == sorted(row.get("warnings", []))


@pytest.mark.parametrize("row", AN_ORDER)
def test_only_a_guests_order_is_a_guests_event(row: dict[str, Any]) -> None:
    """Marketing is told of guests who may become members, and of nobody else."""
    log, _ = taken(row)
    placed = log.published("GuestOrderPlaced")
    assert len(placed) == len(log.state.sessions) == (row["customer"] == "GUEST")
