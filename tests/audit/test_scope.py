"""What an audit cannot know it does not judge: behind the fence, past retention, without a database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.facts import LogRecord, Published, Scope
from audit.reading import CAUSE
from audit.topics import NUMBERED, Role
from audit.violation import Doubt, Kind, Position
from tests.audit.damage import content, role, version, with_content, with_header
from tests.audit.healthy import DECIDED_MS, START_MS, TOPICS, World, cause, healthy, place

COMPACTED = frozenset({Role.ORDERS})
HOUR_MS = 3_600_000


@pytest.fixture
def world() -> World:
    return healthy(200).copy()


def governed(world: World, record: str = TOPICS.orders) -> LogRecord:
    """An output of an order in the middle of the log, not the first and not the last of its key."""
    of_topic = [one for one in world.outputs if one.topic == record]
    return next(
        one for one in of_topic[len(of_topic) // 3 :]
        if version(one)[1] > 1 and any(version(o) == (version(one)[0], version(one)[1] + 1) for o in of_topic)
    )  # fmt: skip


def without(world: World, *records: LogRecord) -> World:
    world.outputs = [one for one in world.outputs if one not in records]
    return world


def test_what_is_behind_the_fence_is_not_judged(world):
    """On a live system the newest events are decided while the audit reads: they are no violations."""
    fence = {one.topic: one.fence // 2 for one in world.scope().raw}
    scope = replace(world.scope(), raw=tuple(replace(one, fence=fence[one.topic]) for one in world.scope().raw))
    newest = {place(one) for one in world.raw if one.offset >= fence[one.topic]}
    world.outcomes = [one for one in world.outcomes if Position(*one[:3]) not in newest]
    world.outputs = [one for one in world.outputs if cause(one) not in newest or role(one) in NUMBERED]
    violations, examination = world.examine(scope)
    assert violations == []
    assert examination.events == len(world.raw) - len(newest)
    assert world.audit(), "with the fence at the end all of it is missing"


def test_what_is_below_the_fence_is_judged_to_its_last_event(world):
    """The fence is exact: the last event below it counts, the first one at it does not."""
    lost = world.outcomes.pop()
    at = Position(*lost[:3])
    of_partition = [one for one in world.scope().raw if (one.topic, one.partition) == at[:2]]
    for fence, found in ((at.offset, []), (at.offset + 1, [at])):
        raw = tuple(replace(one, fence=fence) if one in of_partition else one for one in world.scope().raw)
        assert [one.raw for one in world.audit(world.scope(raw=raw))] == found


def test_an_outcome_beyond_the_position_is_named(world):
    """The position and the outcomes are one transaction: an outcome that the position does not know is not of it."""
    newest = max(world.raw, key=lambda one: one.offset)
    raw = tuple(
        replace(one, decided=newest.offset, fence=newest.offset) if (one.topic, one.partition) == newest[:2] else one
        for one in world.scope().raw
    )
    found = world.audit(world.scope(raw=raw))
    assert [(one.kind, one.raw) for one in found] == [(Kind.OUTCOME_BEYOND_POSITION, place(newest))]


def test_a_window_leaves_out_what_came_before_it(world):
    """An audit of the last hour does not need the outputs and outcomes of yesterday."""
    first = {(one.topic, one.partition): one.fence // 2 for one in world.scope().raw}
    old = {place(one) for one in world.raw if one.offset < first[one[:2]]}
    scope = replace(
        world.scope(),
        raw=tuple(replace(one, first=first[one.topic, one.partition]) for one in world.scope().raw),
        outputs=tuple(replace(one, whole=False, since_ms=1) for one in world.scope().outputs),
    )
    world.outcomes = [one for one in world.outcomes if Position(*one[:3]) not in old]
    world.outputs = [one for one in world.outputs if cause(one) not in old]
    violations, examination = world.examine(scope)
    assert violations == []
    assert examination.events == len(world.raw) - len(old)


def test_a_raw_log_may_have_lost_its_oldest_events(world):
    """Raw topics are kept for days, outcomes and outputs for weeks: what is left is judged without the events."""
    start = {(one.topic, one.partition): one.fence // 2 for one in world.scope().raw}
    scope = replace(
        world.scope(),
        raw=tuple(replace(one, log_start=start[one.topic, one.partition]) for one in world.scope().raw),
    )
    world.raw = [one for one in world.raw if one.offset >= start[one[:2]]]
    assert world.audit(scope) == []
    lost = next(one for one in world.outputs if cause(one).offset < start[cause(one)[:2]] and role(one) is Role.CHANGES)
    assert {one.raw for one in without(world, lost).audit(scope)} == {cause(lost)}


def test_outcomes_past_their_retention_are_not_missed(world):
    """Outcomes are dropped from the oldest on; one that is gone between others was lost."""
    key = max({one[:2] for one in world.outcomes}, key=lambda key: sum(one[:2] == key for one in world.outcomes))
    of_partition = sorted(one for one in world.outcomes if one[:2] == key)
    oldest, later = of_partition[:3], of_partition[10]
    world.outcomes = [one for one in world.outcomes if one not in [*oldest, later]]
    newest_raw = max(one.timestamp_ms for one in world.raw)
    violations, examination = world.examine(world.scope(outcomes_since_ms=newest_raw + 1))
    assert [(one.kind, one.raw) for one in violations] == [(Kind.OUTCOME_MISSING, Position(*later[:3]))]
    assert examination.not_judged == {"raw events are older than the outcomes that are kept": 3}
    assert len(world.audit(world.scope(outcomes_since_ms=1))) == 4, "none is old enough to have been dropped"


@pytest.mark.parametrize("older", ["the decision", "the event"])
def test_outputs_past_their_retention_are_not_missed(world, older):
    """A topic that forgets after some weeks takes nobody's proof away: only what can still be there is missed."""
    at = {one.offset: one for one in world.outputs if one[:2] == (TOPICS.changes, 0)}
    start = sorted(at)[len(at) // 2]
    gone = [one for offset, one in at.items() if offset < start]
    newest_raw = max(one.timestamp_ms for one in world.raw)

    def since(instant_ms: int) -> Scope:
        """The changes' first partition has only what was written since then."""
        return world.scope(
            outputs=tuple(
                replace(one, first=start, whole=False, since_ms=instant_ms)
                if (one.role, one.partition) == (Role.CHANGES, 0) else one
                for one in world.scope().outputs
            )
        )  # fmt: skip

    without(world, *gone)
    world.outcomes = [
        one._replace(recorded_ms=DECIDED_MS if older == "the event" else newest_raw) for one in world.outcomes
    ]
    violations, examination = world.examine(since(newest_raw + HOUR_MS))
    assert violations == []
    assert examination.not_judged == {"raw events are older than what is kept of their outputs": len(gone)}
    assert {one.raw for one in world.audit(since(START_MS - HOUR_MS))} == {cause(one) for one in gone}


def compacted(world: World, cleaned: float) -> World:
    """What Kafka's cleaner leaves of the orders' topic, cleaned up to a part of each log."""
    of_topic = [one for one in world.outputs if one.topic == TOPICS.orders]
    below = {n: int(world.end((TOPICS.orders, n)) * cleaned) for n in {one.partition for one in of_topic}}
    newest = {(one.partition, one.key): one for one in of_topic if one.offset < below[one.partition]}
    forgotten = [
        one for one in of_topic if one.offset < below[one.partition] and newest[one.partition, one.key] is not one
    ]
    return without(world, *forgotten)


@pytest.mark.parametrize("cleaned", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("outcomes_since_ms", [0, None], ids=["with a database", "without one"])
def test_versions_that_compaction_forgot_are_not_missed(world, cleaned, outcomes_since_ms):
    """Kafka may forget an order's older versions; the changes' topic still has each of them."""
    scope = world.scope(compacted=COMPACTED, outcomes_since_ms=outcomes_since_ms)
    assert compacted(world, cleaned).audit(scope) == []


@pytest.mark.parametrize("outcomes_since_ms", [0, None], ids=["with a database", "without one"])
def test_compaction_explains_no_other_loss(world, outcomes_since_ms):
    """A newest version is never forgotten, nor one above what is cleaned: each is named."""
    scope = world.scope(compacted=COMPACTED, outcomes_since_ms=outcomes_since_ms)
    world = compacted(world, 0.5)
    of_topic = [one for one in world.outputs if one.topic == TOPICS.orders]
    newest = {one.key: one for one in of_topic}
    for lost in [*list(newest.values())[::5], *of_topic[-12::3]]:
        found = without(world.copy(), lost).audit(scope)
        assert [(one.key, one.version) for one in found] == [version(lost)], lost[:3]


def test_a_loss_from_a_compacted_topic_is_doubted_first(world):
    """A log that is cleaned while it is read shows gaps that were never there; whoever reads it has to look again."""
    scope = world.scope(compacted=COMPACTED)
    middle = governed(world)
    (found,) = without(world.copy(), middle).audit(scope)
    assert (found.key, found.version, found.doubt) == (*version(middle), Doubt.COMPACTED)
    assert found.witness[:2] == middle[:2]
    assert found.witness.offset < middle.offset, "a record that the cleaner would have taken first"

    newest = [one for one in world.outputs if one.topic == TOPICS.orders][-1]
    (found,) = without(world.copy(), newest).audit(scope)
    assert (found.key, found.version, found.doubt) == (*version(newest), Doubt.SUPERSEDED)

    first = next(
        one for one in world.outputs
        if one.topic == TOPICS.orders and version(one)[1] == 1 and one.offset > 10
        and any(version(other) == (version(one)[0], 2) for other in world.outputs if other.topic == TOPICS.orders)
    )  # fmt: skip
    (found,) = without(world.copy(), first).audit(scope)
    assert (found.key, found.version, found.doubt) == (*version(first), Doubt.COMPACTED)
    assert any(place(one) == found.witness for one in world.outputs)


@pytest.mark.parametrize("outcomes_since_ms", [0, None], ids=["with a database", "without one"])
def test_a_gap_that_nobody_speaks_of_is_found_by_its_neighbours(world, outcomes_since_ms):
    """When an order's record and its change are both lost, what came before and after them still tells."""
    order = governed(world)
    change = next(
        one for one in world.outputs if one.topic == TOPICS.changes and cause(one) == cause(order)
    )  # fmt: skip
    world = without(world, order, change)
    world.outcomes = [one for one in world.outcomes if Position(*one[:3]) != cause(order)]
    world.raw = [one for one in world.raw if place(one) != cause(order)]
    world.outputs = [one for one in world.outputs if cause(one) != cause(order) or role(one) is Role.GUESTS]
    found = world.audit(world.scope(outcomes_since_ms=outcomes_since_ms))
    assert {(one.kind, one.key, one.version) for one in found} == {(Kind.VERSION_MISSING, *version(order))}
    assert len(found) == 2, "one on each topic"


def test_a_waiting_event_with_outputs_is_doubted_first(world):
    """An event that waited when the outcomes were read may be decided when the outputs are."""
    at = next(n for n, one in enumerate(world.outcomes) if one.outputs == 2)
    world.outcomes[at] = world.outcomes[at]._replace(outcome="PARKED", outputs=0)
    (found,) = world.audit()
    assert (found.kind, found.doubt, found.raw) == (
        Kind.OUTPUT_DIFFERS, Doubt.RELEASED, Position(*world.outcomes[at][:3]),
    )  # fmt: skip


@pytest.mark.parametrize("topic", [TOPICS.orders, TOPICS.changes])
def test_without_a_database_a_change_without_its_other_half_is_named(world, topic):
    """The two topics of orders tell the same story: nobody needs a database to see one of them lose a page."""
    lost = governed(world, topic)
    found = without(world, lost).audit(world.scope(outcomes_since_ms=None))
    assert [(one.kind, one.raw, one.key, one.version) for one in found] == [
        (Kind.OUTPUT_MISSING, cause(lost), *version(lost))
    ]


def test_without_a_group_too_it_is_not_known_what_is_published_yet(world):
    """A transaction under way shows on one topic before the other: that is no loss."""
    newest = [one for one in world.outputs if one.topic == TOPICS.changes][-1]
    scope = world.scope(outcomes_since_ms=None, published=Published.UNKNOWN)
    assert without(world, newest).audit(scope) == []


def test_without_a_database_an_event_published_and_quarantined_is_named(world):
    """No event can be both."""
    quarantined = next(one for one in world.outputs if role(one) is Role.QUARANTINE)
    order = next(one for one in world.outputs if role(one) is Role.ORDERS)
    at = world.outputs.index(order)
    world.outputs[at] = with_header(order, CAUSE, str(cause(quarantined)).encode())
    found = world.audit(world.scope(outcomes_since_ms=None, published=Published.UNKNOWN))
    assert [(one.kind, one.raw) for one in found] == [(Kind.OUTPUT_DIFFERS, cause(quarantined))]


def test_a_lost_record_is_not_hidden_by_one_that_is_doubled(world):
    """The number of an event's records is right, and two of them are wrong: both are named."""
    several = next(
        event for event in (place(one) for one in world.raw)
        if len([one for one in world.outputs if cause(one) == event and role(one) is Role.GUESTS]) > 1
        and any(cause(one) == event and role(one) is Role.ORDERS for one in world.outputs)
    )  # fmt: skip
    doubled, lost = [one for one in world.outputs if cause(one) == several and role(one) is Role.GUESTS][:2]
    world = without(world, lost)
    world.outputs.append(world.append(doubled[:2], *doubled[3:]))
    found = world.audit()
    assert Kind.OUTPUT_DOUBLED in {one.kind for one in found}
    assert [one.raw for one in found if one.kind is Kind.OUTPUT_MISSING] == [several]


def test_an_outcome_that_holds_an_order_is_published_like_a_governed_one(world):
    """HELD goes out, marked with its hold."""
    world.outcomes = [one._replace(outcome="HELD") if one.version and one.outputs else one for one in world.outcomes]
    assert world.audit() == []


def test_outputs_of_raw_topics_that_are_not_audited_are_left_alone(world):
    """Two deployments may share output topics: the other one's records are counted, and not judged."""
    finding = next(one for one in world.outputs if role(one) is Role.FINDINGS)
    other = with_header(finding, CAUSE, b"raw.other.v1/0/7")
    world.outputs.append(world.append(finding[:2], *other[3:]))
    violations, examination = world.examine()
    assert violations == []
    assert examination.not_judged == {"outputs were caused by raw.other.v1, which is not part of this audit": 1}


def test_an_original_that_no_topic_could_hold_is_not_compared(world):
    """A record that says it holds no value says nothing wrong about it."""
    record = next(one for one in world.outputs if role(one) is Role.QUARANTINE and content(one)["value"])
    at = world.outputs.index(record)
    world.outputs[at] = with_content(record, value=None, stage="map; value kept in the database only")
    assert world.audit() == []
    world.outputs[at] = with_content(record, value=None)
    assert [one.kind for one in world.audit()] == [Kind.ORIGINAL_DIFFERS]


def test_a_guest_who_buys_in_another_channel_leaves_no_gap(world):
    """A guest's versions may be caused by a channel that is not audited: they are there, and not judged."""
    guests = [one for one in world.outputs if role(one) is Role.GUESTS]
    numbers = {version(one) for one in guests}
    middle = next(one for one in guests if (version(one)[0], version(one)[1] + 1) in numbers and version(one)[1] > 1)
    raw = cause(middle)
    world.outputs[world.outputs.index(middle)] = with_header(middle, CAUSE, b"raw.other.v1/0/7")
    assert {(one.kind, one.raw) for one in world.audit()} <= {(Kind.OUTPUT_MISSING, raw)}, "its own event misses it"


def emptied(world: World, *roles: Role, kept_since_ms: int | None) -> Scope:
    """The first partition of these topics holds nothing any more."""
    world.outputs = [one for one in world.outputs if role(one) not in roles or one.partition]
    return world.scope(
        outputs=tuple(
            replace(one, first=world.end((TOPICS[one.role], 0)), whole=False, kept_since_ms=kept_since_ms)
            if one.role in roles and one.partition == 0 else one
            for one in world.scope().outputs
        )
    )  # fmt: skip


def test_a_quiet_partition_hides_no_loss_that_is_younger_than_its_retention(world):
    """A topic without news for longer than it keeps records holds nothing: that explains no missing record of today."""
    lost = [one for one in world.outputs if role(one) is Role.FINDINGS and one.partition == 0]
    kept = emptied(world, Role.FINDINGS, kept_since_ms=START_MS - HOUR_MS)
    assert {one.raw for one in world.audit(kept)} == {cause(one) for one in lost}
    violations, examination = world.examine(emptied(world, Role.FINDINGS, kept_since_ms=None))
    assert violations == []
    assert examination.not_judged, "and where its retention is not known, it says so"


def test_a_quiet_partition_of_changes_hides_no_lost_guest(world):
    """Each topic is judged by what is kept of it."""
    scope = emptied(world, Role.CHANGES, kept_since_ms=None)
    lost = next(one for one in world.outputs if role(one) is Role.GUESTS)
    assert cause(lost) in {one.raw for one in without(world, lost).audit(scope)}


def test_without_a_database_what_retention_hides_is_counted(world):
    """A version on one topic only is a loss, unless the other topic does not reach back: then that is said."""
    scope = replace(emptied(world, Role.CHANGES, kept_since_ms=None), outcomes_since_ms=None)
    violations, examination = world.examine(scope)
    assert violations == []
    assert examination.not_judged == {
        "versions are on one of their two topics: the other does not reach back": sum(
            role(one) is Role.ORDERS for one in world.outputs
        )
        - sum(role(one) is Role.CHANGES for one in world.outputs)
    }
