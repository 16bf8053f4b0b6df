"""Decisions made again follow the order that the outputs tell, and are kept only when they are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.kafka_source import Committed
from ingest.database.positions import Fence
from ingest.errors import Cause as HaltCause
from ingest.raw_event import RawEvent
from ingest.repair.behind import Lost, Rebuild, differences, differences_told
from ingest.repair.evidence import Evidence, halt_of
from ingest.repair.outputs import digest
from ingest.repair.plan import Mode, Plan
from ingest.repair.planning import plan_for
from ingest.repair.true_order import Cause, in_true_order, latecomers, predecessors
from ingest.worker.receipt import LogBounds

A, B = ("raw", 0), ("raw", 1)


def event(key: tuple[str, int], offset: int, at: int = 0, value: bytes | None = None) -> RawEvent:
    return RawEvent(*key, offset, None, value or f"{key}/{offset}".encode(), [], at, 1)


def ordered(
    logs: dict, versions: list[tuple[str, int, Cause]], about: Mapping[Cause, str] = MappingProxyType({})
) -> list[tuple[str, int, int]]:
    """`about`: the order of each event that caused nothing."""
    late_for = latecomers(
        versions,
        {cause for *_, cause in versions},
        lambda one: about.get(Cause((one.topic, one.partition), one.offset)),
    )
    given_out = in_true_order({key: iter(log) for key, log in logs.items()}, predecessors(versions), late_for)
    return [one[:3] for one in given_out]


def test_an_orders_versions_tell_which_partition_was_first():
    """Timestamps say otherwise; the outputs are what readers have seen."""
    logs = {A: [event(A, 0, at=1), event(A, 1, at=2)], B: [event(B, 7, at=9)]}
    versions = [("order", 1, Cause(B, 7)), ("order", 2, Cause(A, 0))]
    assert ordered(logs, versions) == [(*B, 7), (*A, 0), (*A, 1)]


def test_without_a_common_order_the_older_event_is_first():
    """The best guess where it makes no difference to any output."""
    logs = {A: [event(A, 0, at=5)], B: [event(B, 0, at=3), event(B, 1, at=7)]}
    assert ordered(logs, []) == [(*B, 0), (*A, 0), (*B, 1)]


def test_a_parked_event_that_was_decided_later_does_not_block():
    """Its version is newer than that of an event behind it: it is given out in its place, to be parked again."""
    logs = {A: [event(A, 0, at=1), event(A, 1, at=2)], B: [event(B, 0, at=3), event(B, 1, at=4)]}
    versions = [("o", 1, Cause(B, 1)), ("o", 2, Cause(A, 0)), ("p", 1, Cause(A, 1)), ("p", 2, Cause(B, 0))]
    assert ordered(logs, versions) == [(*A, 0), (*A, 1), (*B, 0), (*B, 1)]


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from("abc"), st.integers(0, 3)), max_size=40))
def test_a_true_history_is_found_again(history: list[tuple[int, str, int]]):
    """Whatever was decided in whatever order: each order's versions come out as they were."""
    logs: dict[tuple[str, int], list[RawEvent]] = {("raw", number): [] for number in range(3)}
    versions, counts = [], dict.fromkeys("abc", 0)
    for number, order, at in history:
        log = logs["raw", number]
        log.append(event(("raw", number), len(log), at))
        counts[order] += 1
        versions.append((order, counts[order], Cause(("raw", number), len(log) - 1)))
    place = {one: index for index, one in enumerate(ordered(logs, versions))}
    assert len(place) == len(history)
    for order in "abc":
        places = [place[(*cause.partition, cause.offset)] for name, _, cause in versions if name == order]
        assert places == sorted(places)


def test_an_event_that_caused_nothing_comes_behind_what_it_was_too_late_for():
    """It is older, and was decided later: before the order's first version it would have made that itself."""
    logs = {A: [event(A, 0, at=1), event(A, 1, at=2)], B: [event(B, 7, at=9), event(B, 8, at=9)]}
    versions = [("order", 1, Cause(B, 7)), ("order", 2, Cause(B, 8)), ("other", 1, Cause(A, 1))]
    assert ordered(logs, versions, {Cause(A, 0): "order"}) == [(*B, 7), (*B, 8), (*A, 0), (*A, 1)]
    versions = [("order", 1, Cause(B, 7)), ("other", 1, Cause(A, 1)), ("other", 2, Cause(B, 8))]
    assert ordered(logs, versions, {Cause(A, 0): "order"}) == [(*B, 7), (*A, 0), (*A, 1), (*B, 8)]


def test_an_event_that_repeats_another_comes_in_its_turn():
    """It says nothing new from then on, and was a duplicate before a newer version made it an old one, too."""
    again = [event(A, 0, at=1, value=b"placed"), event(A, 1, at=2, value=b"placed")]
    logs = {A: again, B: [event(B, 0, at=3)]}
    versions = [("o", 1, Cause(A, 0)), ("o", 2, Cause(B, 0))]
    assert ordered(logs, versions, {Cause(A, 1): "o"}) == [(*A, 0), (*A, 1), (*B, 0)]


def test_an_event_that_caused_nothing_holds_nothing_up():
    """What has to come behind it comes behind it, whatever else it waits for."""
    logs = {A: [event(A, 0, at=5), event(A, 1, at=6)], B: [event(B, 0, at=1), event(B, 1, at=2)]}
    versions = [("o", 1, Cause(A, 1)), ("o", 2, Cause(B, 0)), ("p", 1, Cause(B, 1))]
    assert ordered(logs, versions, {Cause(A, 0): "p"}) == [(*A, 0), (*A, 1), (*B, 0), (*B, 1)]


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1]), st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 3)), max_size=40
    )
)
def test_in_that_order_the_same_events_make_the_same_versions(history: list[tuple[int, str, int, int]]):
    """What is no newer than what is known of its order makes no version; one partition has such events, or none."""
    logs: dict[tuple[str, int], list[RawEvent]] = {A: [], B: []}
    news: dict[Cause, tuple[str, int]] = {}
    decided: list[Cause] = []
    for number, order, clock, at in history:
        key = ("raw", number)
        cause = Cause(key, len(logs[key]))
        if key == B and clock <= max((known for name, known in news.values() if name == order), default=-1):
            continue
        decided.append(cause)
        logs[key].append(event(key, cause.offset, at))
        news[cause] = (order, clock)

    def versions(causes: list[Cause]) -> list[tuple[str, int, Cause]]:
        known: dict[str, list[int]] = {}
        made = []
        for cause in causes:
            order, clock = news[cause]
            if clock > max(known.get(order, [-1])):
                known.setdefault(order, []).append(clock)
                made.append((order, len(known[order]), cause))
        return made

    again = ordered(logs, versions(decided), {cause: order for cause, (order, _) in news.items()})
    assert sorted(versions([Cause(one[:2], one[2]) for one in again])) == sorted(versions(decided))


MADE = {("out", b"a"): b"1", ("out", b"b"): b"2", ("orders", b"c/1"): b"3"}


@pytest.mark.parametrize(
    ("published", "told"),
    [
        (MADE, []),
        ({("out", b"a"): b"1", ("out", b"b"): b"2"}, []),
        ({**MADE, ("orders", b"c/1"): b"4"}, ["orders c/1: made again with other bytes than published"]),
        ({**MADE, ("out", b"d"): b"4"}, ["out d: published, and not made again"]),
        ({("out", b"a"): b"1"}, ["out b: made again, and never published"]),
    ],
)
def test_every_difference_is_named(published, told):
    """Only the compacted topic may lack what was made again: it forgets older versions."""
    assert differences(MADE, published, frozenset({"orders"})) == told


def test_many_differences_are_counted():
    """The first ones are enough to see what is wrong."""
    assert differences_told([str(number) for number in range(12)]).splitlines()[-1] == "and 2 more"


@given(st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=3))
def test_a_digest_takes_every_byte_in(headers):
    """Key, value and headers cannot be exchanged for each other, nor null for empty."""
    known = digest(b"k", b"v", headers)
    others = [digest(b"kv", b"", headers), digest(b"k", None, headers), digest(b"k", b"v", [*headers, ("", b"")])]
    assert known not in others and digest(b"k", b"v", list(headers)) == known


BEHIND = Evidence(
    "raw", 0, "A", LogBounds(0, 200), Committed(150, "ordergate:9"),
    Fence(3, 100, 6, "A", "w-0", released=False, published_sequence=5), (),
)  # fmt: skip


def plan(evidence: Evidence, mode: Mode | None) -> Plan:
    halt = halt_of(evidence)
    assert halt is not None and halt.cause is HaltCause.DATABASE_BEHIND
    return plan_for(evidence, halt, [evidence], mode)


def test_a_person_decides_on_a_rebuild():
    """Without the decision only the choice is shown; with it, what exactly will be read again."""
    assert plan(BEHIND, None).choices == (Mode.REBUILD,) and not plan(BEHIND, None).steps
    assert plan(BEHIND, Mode.REBUILD).steps == (Rebuild((Lost("raw", 0, 100, 150, 9, 6),)),)
    new = replace(BEHIND, position=None)
    assert plan(new, Mode.REBUILD).steps == (Rebuild((Lost("raw", 0, 0, 150, 9, 0),)),)


@pytest.mark.parametrize("changed", [{"bounds": LogBounds(120, 200), "position": None}, {}])
def test_what_the_log_no_longer_has_cannot_be_made_again(changed):
    """Without the raw events there is nothing to decide on: only a newer database helps."""
    behind = replace(BEHIND, **changed)
    other = replace(BEHIND, partition=1, bounds=LogBounds(101, 200))
    halt = halt_of(BEHIND)
    assert halt is not None
    made = plan_for(behind, halt, [behind, other], Mode.REBUILD)
    assert not made.steps and made.hindrance
