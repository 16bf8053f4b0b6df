"""What the pipeline makes of one payload that is the first event of its order. Needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from consumers.channel import Channel
from ingest.cli.payloads import Payload
from ingest.drafts import Draft
from ingest.governing import build_pipeline
from ingest.joining import join_parts
from ingest.pipeline import Pipeline
from ingest.raw_event import RawEvent, RawHeaders
from ingest.settings import Settings
from ingest.state import BatchState, Carrier, Position
from ingest.understanding import Understood
from mappers.candidate import CheckoutFact, Ignored, Mapped, PartialChange, Snapshot
from quality.finding import Action, Finding, Severity
from quality.lifecycle.derivation import derive
from quality.outcome import Outcome, quality_of
from schemas.catalogue import RECORD_TYPES
from schemas.codec import Codec
from schemas.types import CanonicalOrder

_HASH_KEY = b"ordergate map: nothing leaves, so no secret is needed"
"""Contact hashes made with this are worthless, and good enough to be looked at."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One payload, understood and decided on."""

    file: str
    outcome: Outcome
    detail: str
    event_kind: str | None
    mapped: Mapped | None
    order: CanonicalOrder | None
    """As it would be published, or would have been; None when the payload is not a whole order."""
    findings: list[Finding]
    guest_events: list[Draft]

    @property
    def defective(self) -> bool:
        """Whether its channel has something to correct; what policy alone leaves out is no defect."""
        return self.outcome is Outcome.QUARANTINED or any(
            f.severity is Severity.ERROR and f.action is not Action.REJECT for f in self.findings
        )


def pipeline_of(channel: Channel) -> Pipeline:
    """The pipeline of one channel with the product's defaults; its schema ids are made up."""
    defaults = Settings.model_fields
    park_deadline: timedelta = defaults["park_deadline"].default
    return build_pipeline(
        [channel],
        Codec({name: at for at, name in enumerate(RECORD_TYPES)}),
        _HASH_KEY,
        "map",
        defaults["payload_limit_bytes"].default,
        int(park_deadline / timedelta(microseconds=1)),
        lambda _: True,
    )


def sight(pipeline: Pipeline, channel: Channel, headers: RawHeaders, payload: Payload, now: int) -> Sighting:
    """Decide on a payload with nothing known before, as if it arrived when it happened.

    So a payload on file is judged the same at any time, and its age is no finding. What it says of the future
    is judged against `now`, in microseconds.
    """
    event = RawEvent(channel.topic, 0, 0, None, payload.body, headers, now // 1000, 1)
    (understood,) = pipeline.map(pipeline.decode([event]))
    happened_at = _happened_at(understood.mapped)
    if happened_at is not None and happened_at < now:
        # Rounded up: Kafka counts in milliseconds, and nothing arrives before it happened.
        (understood,) = pipeline.map(pipeline.decode([event._replace(timestamp_ms=-(-happened_at // 1000))]))
    state = BatchState()
    decided = pipeline.decide(understood, state, Carrier(channel.topic, 0, 1), now)
    drafts = [draft for _, drafts in decided for draft in drafts]
    row = state.outcomes[Position(channel.topic, 0, 0)]
    findings = [found.finding for found in state.findings]
    return Sighting(
        payload.file,
        row.outcome,
        row.detail or "",
        understood.event_kind,
        understood.mapped,
        _order(channel, understood, drafts, findings),
        findings,
        [draft for draft in drafts if RECORD_TYPES[draft.record].namespace == "oms.guest.v1"],
    )


def _happened_at(mapped: Mapped | None) -> int | None:
    match mapped:
        case Snapshot(order=order):
            return max(order["occurred_at"], order["source_updated_at"])
        case PartialChange(occurred_at=instant) | CheckoutFact(occurred_at=instant):
            return instant
        case _:
            return None


def _order(
    channel: Channel, understood: Understood, drafts: Sequence[Draft], findings: list[Finding]
) -> CanonicalOrder | None:
    for draft in drafts:
        if draft.record == "CanonicalOrder":
            return cast("CanonicalOrder", draft.value)
    mapped = understood.mapped
    order = mapped.order if isinstance(mapped, Snapshot | Ignored) else None
    if order is None:
        return None
    derived = derive(join_parts(order, order), channel.map_statuses(order["source_status"]))
    return {**derived, "quality": quality_of(findings)}


EFFECTS = {
    Action.WARN: "published, and reported to the owner",
    Action.HOLD: "published with a hold: no OMS acts on it before the owner clears it",
    Action.QUARANTINE: "not published: kept whole until its cause is corrected, then redriven",
    Action.PARK: "waits, bounded, for what must come first",
    Action.REJECT: "ignored by policy",
    Action.DEDUPE: "not published: already known",
    Action.SUPERSEDE: "not published: newer is known",
}
"""What the action of a rule means for the event that breaks it."""
