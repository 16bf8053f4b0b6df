"""Nothing lost, nothing added: each raw event has one outcome, and just the outputs that the outcome says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final
from uuid import UUID

from audit.cursor import END, Cursor, Rows
from audit.evidence import EXCUSED, MISSED, OFFSETS, ByCause, Evidence, OutcomeFact, RawFact
from audit.facts import UNREADABLE, Published, RawPartition, Scope
from audit.topics import OutputTopics, Role
from audit.violation import Doubt, Kind, Position, Violation

_ORDER: Final = (Role.ORDERS, Role.CHANGES)
"""A change of an order is one record on each."""
_MAY: Final[Mapping[str, frozenset[int]]] = {
    "GOVERNED": frozenset({*_ORDER, Role.GUESTS, Role.FINDINGS}),
    "HELD": frozenset({*_ORDER, Role.GUESTS, Role.FINDINGS}),
    "PARKED": frozenset(),
    "QUARANTINED": frozenset({Role.QUARANTINE, Role.FINDINGS}),
    "DUPLICATE": frozenset({Role.FINDINGS}),
    "STALE": frozenset({Role.FINDINGS}),
    "IGNORED": frozenset({Role.FINDINGS}),
}
"""On which topics an outcome may show."""
_SAYS: Final = itemgetter(1, 4, 5)
"""Role, key and version of a row of `ByCause`."""
_BESIDE: Final = frozenset({Role.GUESTS, Role.FINDINGS})
"""On which topics a change of an order may show, beside its own two."""
_SILENT: Final = frozenset({"GOVERNED", "PARKED", "DUPLICATE", "STALE", "IGNORED"})
"""Outcomes that may have no outputs."""
_CLOCK_SKEW_MS: Final = 60_000
"""How far the clocks of workers and database may be apart."""
_NOT_SAID: Final = bytes(8)


class Causes:
    """Goes through all raw positions in order. `outcomes`, `events` and `not_judged` count what it met."""

    def __init__(self, evidence: Evidence, scope: Scope, topics: OutputTopics) -> None:
        self._evidence = evidence
        self._scope = scope
        self._topics = topics
        self._partitions = {(one.topic, one.partition): one for one in scope.raw}
        self._horizons = {role: _horizon(role, scope, evidence.since_ms) for role in Role}
        # The records of a change of an order are looked for by their versions.
        self._counted_horizon = max(horizon for role, horizon in self._horizons.items() if role not in _ORDER)
        self._past_retention = 0
        self._with_first_outcome: set[tuple[str, int]] = set()
        self.outcomes: Counter[str] = Counter()
        self.events = 0
        self.not_judged: Counter[str] = Counter()

    def violations(self) -> Iterator[Violation]:
        """Everything that is wrong with a raw event, its outcome and its outputs."""
        evidence = self._evidence
        raw, outcomes, outputs = Cursor(evidence.raw), Cursor(evidence.outcomes), Cursor(evidence.by_cause)
        while (at := min(raw.at, outcomes.at, outputs.at)) != END:
            found = raw.take(at), outcomes.take(at), outputs.take(at)
            if not self._is_plain(at, *found):
                yield from self._judge(at, *found)

    def _is_plain(self, at: int, raw: Rows, outcomes: Rows, outputs: Rows) -> bool:
        """Whether it is one of the two usual cases, and in order; all others are judged the long way.

        A change of an order with its two records, and an outcome without outputs: more than nine in ten events.
        """
        if len(raw) != 1 or len(outcomes) != 1:
            return False
        _, number, order_id, version, said, _ = outcomes[0]
        partition = self._evidence.partition(at)
        known = self._partitions.get(partition)
        if (
            len(outputs) != said
            or known is None
            or not known.first <= at & OFFSETS < min(known.fence, known.decided or 0)
        ):
            return False
        name = self._evidence.outcome_names[number]
        if version and name in ("GOVERNED", "HELD"):
            if (
                said < 2
                or outputs[0][1:5:3] != (Role.ORDERS, order_id)
                or outputs[1][1:5:3] != (Role.CHANGES, order_id)
            ):
                return False
            if outputs[0][5] != version or outputs[1][5] != version:
                return False
            if len({row[6] for row in outputs}) != said or any(row[1] not in _BESIDE for row in outputs[2:]):
                return False
        elif said or name not in _SILENT:
            return False
        self._with_first_outcome.add(partition)
        self.outcomes[name] += 1
        self.events += 1
        return True

    def _judge(
        self,
        at: int,
        raw: Rows,
        outcomes: Rows,
        outputs: Rows,
    ) -> Iterator[Violation]:
        """One raw position: at most one raw event, its outcomes, and the outputs that name it."""
        place = self._evidence.position(at)
        known = self._partitions.get(place[:2])
        if known is None or place.offset >= known.log_end:
            yield from self._without_event(place, outcomes, outputs)
            return
        if outcomes and known.decided is not None and place.offset >= known.decided:
            sentence = f"{place} has an outcome, but the position says that offsets below {known.decided} are decided"
            yield Violation(Kind.OUTCOME_BEYOND_POSITION, sentence, raw=place)
            return
        if not known.first <= place.offset < known.fence:
            return
        if not raw and place.offset >= known.log_start:
            yield from self._without_event(place, outcomes, outputs)
            return
        event = RawFact(*raw[0]) if raw else None
        self.events += 1
        published = _distinct(ByCause(*row) for row in outputs)
        if event is not None:
            yield from self._originals(place, event, published)
        if self._scope.outcomes_since_ms is None:
            yield from self._among_themselves(at, place, published)
        elif not outcomes:
            yield from self._no_outcome(place, event, known)
        else:
            self._with_first_outcome.add(place[:2])
            yield from self._one_outcome(place, outcomes)
            outcome = OutcomeFact(*outcomes[0])
            if event is not None:
                # What was decided again after a loss of the database is older than its row.
                outcome = outcome._replace(recorded_ms=min(outcome.recorded_ms, event.timestamp_ms))
            yield from self._as_said(place, event, outcome, published)

    def _without_event(self, place: Position, outcomes: Rows, outputs: Rows) -> Iterator[Violation]:
        if outcomes:
            sentence = f"{place} has an outcome, but the raw log has no event there"
            yield Violation(Kind.OUTCOME_WITHOUT_EVENT, sentence, raw=place)
        for one in _distinct(ByCause(*row) for row in outputs):
            output = self._place(one)
            sentence = f"{output} names {place} as its raw event: the raw log has no event there"
            yield Violation(Kind.OUTPUT_WITHOUT_CAUSE, sentence, raw=place, output=output)

    def _no_outcome(self, place: Position, event: RawFact | None, known: RawPartition) -> Iterator[Violation]:
        since = self._scope.outcomes_since_ms or 0
        first = place[:2] not in self._with_first_outcome
        if event is None or (first and event.timestamp_ms < since):
            self.not_judged["raw events are older than the outcomes that are kept"] += 1
            return
        sentence = f"{place} has no outcome, but the position says that offsets below {known.decided} are decided"
        yield Violation(Kind.OUTCOME_MISSING, sentence, raw=place)

    def _one_outcome(self, place: Position, outcomes: Rows) -> Iterator[Violation]:
        names = [self._name(OutcomeFact(*row)) for row in outcomes]
        self.outcomes[names[0]] += 1
        if len(names) > 1:
            sentence = f"{place} has {len(names)} outcomes: {', '.join(names)}"
            yield Violation(Kind.OUTCOME_DOUBLED, sentence, raw=place)

    def _originals(self, place: Position, event: RawFact, published: Iterable[ByCause]) -> Iterator[Violation]:
        for one in published:
            if one.role == Role.QUARANTINE and one.original not in (event.original, _NOT_SAID):
                output = self._place(one)
                sentence = (
                    f"{output} does not hold {place} as it is in the log: key, value, headers or timestamp differ"
                )
                yield Violation(Kind.ORIGINAL_DIFFERS, sentence, raw=place, output=output)

    def _as_said(
        self, place: Position, event: RawFact | None, outcome: OutcomeFact, published: Sequence[ByCause]
    ) -> Iterator[Violation]:
        name = self._name(outcome)
        may = _MAY.get(name, frozenset(Role))
        changes_order = name in ("GOVERNED", "HELD") and outcome.version > 0
        if not changes_order:
            may = may - set(_ORDER)
        unexpected = [one for one in published if one.role not in may]
        if name == "PARKED" and unexpected:
            sentence = f"{place} is PARKED, but it has {self._listed(unexpected)}"
            yield Violation(Kind.OUTPUT_DIFFERS, sentence, raw=place, doubt=Doubt.RELEASED)
            return
        for one in unexpected:
            yield self._differs(place, one, f"{place} is {name}, which publishes nothing there")
        if name == "HELD" and not changes_order:
            yield Violation(Kind.OUTPUT_MISSING, f"{place} is HELD, but no version of an order is", raw=place)
        accounted = sum(one.role in may and one.role not in _ORDER for one in published)
        if changes_order:
            accounted += len(_ORDER)
            yield from self._versions(place, outcome, published)
        if name == "QUARANTINED" and not any(self._holds(place, event, one) for one in published):
            accounted += 1
            if self._all_there(outcome, self._horizons[Role.QUARANTINE]):
                topic = self._topics.quarantine
                yield Violation(Kind.OUTPUT_MISSING, f"{place} is QUARANTINED, but not on {topic}", raw=place)
        if accounted > outcome.outputs or (
            accounted < outcome.outputs and self._all_there(outcome, self._counted_horizon)
        ):
            yield from self._count(place, outcome, accounted, [one for one in published if one.role in may])

    def _versions(self, place: Position, outcome: OutcomeFact, published: Iterable[ByCause]) -> Iterator[Violation]:
        """The order's record and its change's: of the order and the version that the outcome says."""
        for role in _ORDER:
            found = [one for one in published if one.role == role]
            for one in found:
                if one.version != UNREADABLE and (one.key, one.version) != (outcome.order_id, outcome.version):
                    said = f"version {outcome.version} of order {UUID(bytes=outcome.order_id)}"
                    yield self._differs(place, one, f"the outcome of {place} says {said}")
            if (outcome.order_id, outcome.version) in [(one.key, one.version) for one in found]:
                continue
            if found and not self._has_former(place):
                self._expect(role, outcome, EXCUSED)
            elif self._all_there(outcome, self._horizons[role]):
                self._expect(role, outcome, MISSED)

    def _holds(self, place: Position, event: RawFact | None, one: ByCause) -> bool:
        """Whether an output is the quarantine record of an event: where the log was made again, of just this event."""
        if one.role != Role.QUARANTINE or event is None or not self._has_former(place):
            return one.role == Role.QUARANTINE
        return one.original in (event.original, _NOT_SAID)

    def _has_former(self, place: Position) -> bool:
        """Whether a former log of the topic had this position, too: then any output here may be that one's."""
        return place.offset in self._scope.former.get(place[:2], ())

    def _expect(self, role: Role, outcome: OutcomeFact, identity: bytes) -> None:
        self._evidence.expect(role, outcome.order_id, outcome.version, outcome.position, identity)

    def _count(
        self, place: Position, outcome: OutcomeFact, accounted: int, published: Sequence[ByCause]
    ) -> Iterator[Violation]:
        said = f"the outcome of {place}, {self._name(outcome)}, says that it has {outcome.outputs} outputs"
        if accounted < outcome.outputs:
            missing = outcome.outputs - accounted
            sentence = f"{said}: {missing} {'is' if missing == 1 else 'are'} missing beside {self._listed(published)}"
            yield Violation(Kind.OUTPUT_MISSING, sentence, raw=place)
        else:
            yield Violation(Kind.OUTPUT_SURPLUS, f"{said}: there are {self._listed(published)}", raw=place)

    def _among_themselves(self, at: int, place: Position, published: Sequence[ByCause]) -> Iterator[Violation]:
        """Without outcomes: what the outputs of one raw event say of each other."""
        kinds = {one.role for one in published}
        numbered = [one for one in published if one.role in _ORDER and one.version != UNREADABLE]
        versions = {(one.key, one.version) for one in numbered}
        if Role.QUARANTINE in kinds and kinds & {*_ORDER, Role.GUESTS}:
            sentence = f"{place} is quarantined and published as well: {self._listed(published)}"
            yield Violation(Kind.OUTPUT_DIFFERS, sentence, raw=place)
        if len(versions) > 1:
            sentence = f"{place} has more than one version of an order: {self._listed(numbered)}"
            yield Violation(Kind.OUTPUT_DIFFERS, sentence, raw=place)
        elif versions and self._scope.published is Published.ALL:
            ((key, version),) = versions
            for role in _ORDER:
                if role in kinds:
                    continue
                if self._horizons[role]:
                    self.not_judged["versions are on one of their two topics: the other does not reach back"] += 1
                else:
                    self._evidence.expect(role, key, version, at, MISSED)

    def _differs(self, place: Position, one: ByCause, why: str) -> Violation:
        output = self._place(one)
        numbered = one.role in _ORDER and one.version != UNREADABLE
        key, version = (str(UUID(bytes=one.key)), one.version) if numbered else (None, None)
        what = f" (version {version} of order {key})" if numbered else ""
        return Violation(
            Kind.OUTPUT_DIFFERS, f"{output}{what} names {place} as its raw event, but {why}",
            raw=place, output=output, key=key, version=version,
        )  # fmt: skip

    def _all_there(self, outcome: OutcomeFact, horizon: int) -> bool:
        """Whether what was published for it is still there: nothing from before the horizon can be missed."""
        if not horizon or outcome.recorded_ms > horizon + _CLOCK_SKEW_MS:
            return True
        if self._past_retention != outcome.position:
            self._past_retention = outcome.position
            self.not_judged["raw events are older than what is kept of their outputs"] += 1
        return False

    def _name(self, outcome: OutcomeFact) -> str:
        return self._evidence.outcome_names[outcome.outcome]

    def _place(self, one: ByCause) -> Position:
        return Position(self._topics[Role(one.role)], one.partition, one.offset)

    def _listed(self, outputs: Sequence[ByCause]) -> str:
        return ", ".join(str(self._place(one)) for one in outputs) or "nothing"


def _distinct(outputs: Iterable[ByCause]) -> list[ByCause]:
    """Each record once: one that is published twice is named elsewhere."""
    return list({(one.role, one.identity): one for one in outputs}.values())


def _horizon(role: Role, scope: Scope, since_ms: Mapping[tuple[Role, int], int]) -> int:
    """The instant from which on every record of a topic is there; 0 when none was ever removed or left out."""
    instants = [0]
    for one in scope.outputs:
        if one.role == role and not one.whole:
            told = since_ms.get((role, one.partition), END) if one.since_ms is None else one.since_ms
            instants.append(told if one.kept_since_ms is None else min(told, one.kept_since_ms))
    return max(instants)
