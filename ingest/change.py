"""The next version of an order, and the record of what changed in it. Pure."""

from __future__ import annotations

from hashlib import sha256
from operator import itemgetter

from msgspec import Struct

from ingest.governance import Governance, Judgement
from ingest.understanding import Understood
from mappers.candidate import PartialChange
from quality.finding import Action
from quality.outcome import Outcome, quality_of
from schemas import identifiers
from schemas.types import CanonicalOrder, Lineage, OrderChange

_OURS = frozenset(
    {
        "canonical_version",
        "content_hash",
        "ingested_at",
        "lineage",
        "quality",
        "ruleset_version",
        "occurred_at",
    }
)
_THEIRS = tuple(name for name in CanonicalOrder.__annotations__ if name not in _OURS)
_their_values = itemgetter(*_THEIRS)


def statuses_of(order: CanonicalOrder) -> tuple[str, str, str]:
    """The three statuses: order, payment, fulfilment."""
    return order["order_status"], order["payment_status"], order["fulfilment_status"]


def as_it_arrived(order: CanonicalOrder, understood: Understood) -> CanonicalOrder:
    """The order with the instants of the event that changes it, for rules that compare with its arrival.

    What was joined into a known order has that one's instants until it is published. A part that arrives alone is a
    change of the order at the source, too, although only a snapshot tells its `source_updated_at`.
    """
    mapped, arrived = understood.mapped, understood.received_at
    if isinstance(mapped, PartialChange):
        changed = max(order["source_updated_at"], mapped.occurred_at)
        return {**order, "ingested_at": arrived, "occurred_at": mapped.occurred_at, "source_updated_at": changed}
    return order if order["ingested_at"] == arrived else {**order, "ingested_at": arrived}


class OrderChangeBuilder(Struct, frozen=True):
    """Builds what one raw event makes of an order."""

    governance: Governance
    understood: Understood
    judged: Judgement
    notes: list[str]

    def order(self, order: CanonicalOrder, version: int, digest: bytes, outcome: Outcome) -> CanonicalOrder:
        """The order as it will be published."""
        mapped = self.understood.mapped
        published: CanonicalOrder = {
            **order,
            "canonical_version": version,
            "content_hash": digest.hex(),
            "ingested_at": self.understood.received_at,
            "ruleset_version": self.governance.ruleset_version,
            "quality": quality_of(self.judged.findings),
            "lineage": self._lineage(),
        }
        if isinstance(mapped, PartialChange):
            published["occurred_at"] = mapped.occurred_at
        if outcome is Outcome.HELD:
            held = next(f for f in self.judged.findings if f.action is Action.HOLD)
            published["hold_reason"] = held.rule
            published["hold_reason_text"] = held.message
        return published

    def change(self, before: CanonicalOrder | None, after: CanonicalOrder) -> OrderChange:
        """What changed between two versions, and the verdict on it."""
        flags = ["backdated_first_seen"] if self.judged.backdated else []
        flags += [note.lower() for note in self.notes]
        return {
            "change_id": identifiers.change_id(after["order_id"], after["canonical_version"]),
            "order_id": after["order_id"],
            "canonical_version": after["canonical_version"],
            "source": after["source"],
            "source_account": after["source_account"],
            "source_order_id": after["source_order_id"],
            "event_kind": self.understood.event_kind,
            "kind": "PARTIAL" if isinstance(self.understood.mapped, PartialChange) else "SNAPSHOT",
            "flags": flags,
            "changes": [
                {"axis": t.axis, "before": t.before, "after": t.after, "verdict": t.verdict.value}
                for t in self.judged.transitions
            ],
            "total_before": before["totals"]["total_current"] if before else None,
            "total_after": after["totals"]["total_current"],
            "refunded_before": before["totals"]["refunded"] if before else None,
            "refunded_after": after["totals"]["refunded"],
            "changed_fields": _changed_fields(before, after),
            "occurred_at": after["occurred_at"],
            "recorded_at": after["ingested_at"],
            "lineage": after["lineage"],
        }

    def _lineage(self) -> Lineage:
        event = self.understood.event
        return {
            "raw_topic": event.topic,
            "raw_partition": event.partition,
            "raw_offset": event.offset,
            "raw_event_id": self.understood.event_id,
            "raw_hash": sha256(event.value or b"").hexdigest(),
            "mapper_run_id": self.governance.mapper_version,
        }


def _changed_fields(before: CanonicalOrder | None, after: CanonicalOrder) -> list[str]:
    """Top-level fields that differ, by name; empty for a first version, where all are new."""
    if before is None:
        return []
    fields = zip(_THEIRS, _their_values(before), _their_values(after), strict=True)
    return [name for name, old, new in fields if old is not new and old != new]
