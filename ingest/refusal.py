"""Records about what is wrong: findings, and events kept whole in quarantine. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingest.governance import Governance
from ingest.raw_event import RawEvent
from ingest.state import QuarantineRow
from ingest.understanding import Understood
from quality.finding import Finding
from quality.outcome import Outcome
from schemas import identifiers
from schemas.types import QualityFinding, QuarantineRecord

PREDECESSOR_ARRIVED: Final = ("predecessor_arrived", "order_id")
"""Rule and field of a finding that an event gets when its order did not arrive within the time it may wait."""

_TIMESTAMP_TYPES = {1: "CREATE_TIME", 2: "LOG_APPEND_TIME"}


def finding_id(event: RawEvent, rule: str, field: str, index: int) -> str:
    """The id of an event's finding, by its place among those of its outcome."""
    return identifiers.derived("finding", event.identity, rule, field, str(index))


def overdue_finding_id(event: RawEvent) -> str:
    """The id of an event's finding that its order did not arrive in time: it has no other one then."""
    return finding_id(event, *PREDECESSOR_ARRIVED, 0)


def finding_drafts(
    understood: Understood,
    findings: Sequence[Finding],
    outcome: Outcome,
    order_id: str | None,
    governance: Governance,
) -> list[QualityFinding]:
    """One record per finding. Its id is made of the event, rule, field and place: the same at every replay."""
    event = understood.event
    return [
        {
            "finding_id": finding_id(event, f.rule, f.field, index),
            "rule_id": f.rule,
            "field": f.field,
            "severity": f.severity.value,
            "dimension": f.dimension,
            "owner": f.owner,
            "action": f.action.value,
            "message": f.message,
            "channel": understood.channel.name,
            "source_account": understood.source_account,
            "order_id": order_id,
            "event_kind": understood.event_kind,
            "outcome": outcome.value,
            "contract": understood.channel.contract,
            "ruleset_version": governance.ruleset_version,
            "recorded_at": understood.received_at,
            "raw_topic": event.topic,
            "raw_partition": event.partition,
            "raw_offset": event.offset,
        }
        for index, f in enumerate(findings)
    ]


def quarantine_draft(row: QuarantineRow, governance: Governance) -> QuarantineRecord:
    """The event as it was, byte for byte, and every reason."""
    event = row.event
    return {
        "raw_topic": event.topic,
        "raw_partition": event.partition,
        "raw_offset": event.offset,
        "raw_timestamp": event.timestamp_ms * 1000,
        "raw_timestamp_type": _TIMESTAMP_TYPES.get(event.timestamp_type, "NOT_AVAILABLE"),
        "key": event.key,
        "value": event.value,
        "headers": [{"name": name, "value": value} for name, value in event.headers],
        "channel": row.channel,
        "event_kind": row.event_kind,
        "order_id": row.order_id,
        "stage": row.stage,
        "reasons": [
            {
                "rule_id": f.rule,
                "field": f.field,
                "severity": f.severity.value,
                "owner": f.owner,
                "message": f.message,
            }
            for f in row.reasons
        ],
        "recorded_at": event.timestamp_ms * 1000,
        "mapper_version": governance.mapper_version,
        "ruleset_version": governance.ruleset_version,
    }
