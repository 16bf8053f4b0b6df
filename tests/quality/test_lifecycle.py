"""Every change of state has one verdict, generated from the tables."""

from collections import Counter
from typing import get_args

import pytest
from msgspec import structs

from mappers.candidate import MappedStatuses
from quality.lifecycle import tables
from quality.lifecycle.checker import Lifecycle, Profile, Verdict
from quality.lifecycle.tables import AXES, Axis, LifecycleTableError
from schemas import types

STATES: dict[Axis, tuple[str, ...]] = {
    "order": get_args(types.OrderStatus),
    "payment": get_args(types.PaymentStatus),
    "fulfilment": get_args(types.FulfilmentStatus),
}


def known_pairs(axis: Axis) -> list[tuple[str, str]]:
    states = [state for state in STATES[axis] if state != "UNKNOWN"]
    return [(before, after) for before in states for after in states if before != after]


@pytest.mark.parametrize(
    ("axis", "pairs", "legal", "skipped", "warn", "illegal"),
    [("order", 72, 25, 6, 10, 31), ("payment", 156, 56, 16, 15, 69), ("fulfilment", 210, 75, 31, 15, 89)],
)
def test_the_tables_come_out_as_specified(
    axis: Axis, pairs: int, legal: int, skipped: int, warn: int, illegal: int
) -> None:
    """An edge lost or added by accident changes what is quarantined: the counts are the specification's."""
    lifecycle = Lifecycle()
    verdicts = Counter(lifecycle.verdict(axis, *pair) for pair in known_pairs(axis))
    assert sum(verdicts.values()) == pairs
    assert verdicts == Counter(
        {Verdict.LEGAL: legal, Verdict.SKIPPED: skipped, Verdict.WARN: warn, Verdict.ILLEGAL: illegal}
    )


@pytest.mark.parametrize("axis", AXES)
def test_every_pair_of_states_has_a_verdict(axis: Axis) -> None:
    """No status that the canonical order can hold makes the checker fail."""
    lifecycle = Lifecycle()
    for before in (None, *STATES[axis]):
        for after in STATES[axis]:
            assert lifecycle.verdict(axis, before, after) in Verdict


@pytest.mark.parametrize(
    ("axis", "before", "after", "verdict"),
    [
        ("order", "PENDING", "CONFIRMED", Verdict.LEGAL),
        ("order", "PENDING", "CLOSED", Verdict.SKIPPED),
        ("order", "CLOSED", "COMPLETED", Verdict.WARN),
        ("order", "REJECTED", "CONFIRMED", Verdict.ILLEGAL),
        ("payment", "AUTHORIZED", "REFUNDED", Verdict.SKIPPED),
        ("payment", "EXPIRED", "FAILED", Verdict.ILLEGAL),
        ("payment", "REFUNDED", "UNPAID", Verdict.ILLEGAL),
        ("fulfilment", "UNFULFILLED", "DELIVERED", Verdict.SKIPPED),
        ("fulfilment", "PARTIALLY_DELIVERED", "CANCELLED", Verdict.ILLEGAL),
        ("fulfilment", "RETURNED", "DELIVERED", Verdict.WARN),
    ],
)
def test_verdicts_by_example(axis: Axis, before: str, after: str, verdict: Verdict) -> None:
    """Missed events are told from impossible ones, and neither from known anomalies."""
    assert Lifecycle().verdict(axis, before, after) is verdict


@pytest.mark.parametrize("axis", AXES)
def test_unchanged_and_first_states_are_legal(axis: Axis) -> None:
    """A repetition changes nothing, and an order may be first seen in any state."""
    lifecycle = Lifecycle()
    for state in STATES[axis]:
        assert lifecycle.verdict(axis, state, state) is Verdict.LEGAL
        assert lifecycle.verdict(axis, None, state) is Verdict.LEGAL


@pytest.mark.parametrize("axis", AXES)
def test_losing_a_known_state_is_never_silent(axis: Axis) -> None:
    """A source value that nobody mapped cannot be used to jump anywhere unseen."""
    lifecycle = Lifecycle()
    for state in STATES[axis]:
        if state != "UNKNOWN":
            assert lifecycle.verdict(axis, state, "UNKNOWN") is Verdict.WARN
            assert lifecycle.verdict(axis, "UNKNOWN", state) is Verdict.LEGAL


@pytest.mark.parametrize("axis", AXES)
def test_a_channel_may_let_everything_pass_but_makes_nothing_expected(axis: Axis) -> None:
    """Widening turns ILLEGAL into WARN and changes no other verdict."""
    strict, wide = Lifecycle(), Lifecycle(Profile(widen={axis: "all"}))
    for pair in known_pairs(axis):
        before, after = strict.verdict(axis, *pair), wide.verdict(axis, *pair)
        assert after is (Verdict.WARN if before is Verdict.ILLEGAL else before)


def test_a_channel_may_widen_single_changes() -> None:
    """Only the pair that is named passes, and only as a warning with a rule of its own."""
    lifecycle = Lifecycle(Profile(widen={"order": frozenset({("REJECTED", "CONFIRMED")})}))
    assert lifecycle.verdict("order", "REJECTED", "CONFIRMED") is Verdict.WARN
    assert lifecycle.verdict("order", "REJECTED", "PROCESSING") is Verdict.ILLEGAL
    [transition] = lifecycle.transitions(
        MappedStatuses("REJECTED", "PAID", "UNFULFILLED"), MappedStatuses("CONFIRMED", "PAID", "UNFULFILLED")
    )
    assert transition.rule == "transition_widened"


@pytest.mark.parametrize("pair", [("PENDING", "CONFIRMED"), ("CLOSED", "COMPLETED"), ("PENDING", "SHIPPED")])
def test_a_channel_cannot_widen_what_is_not_illegal(pair: tuple[str, str]) -> None:
    """A contract that widens a legal, warned or unknown change is refused, naming the change."""
    with pytest.raises(LifecycleTableError, match=f"{pair[0]} to {pair[1]}"):
        Lifecycle(Profile(widen={"order": frozenset({pair})}))


def test_transitions_name_the_changed_axes_and_the_rule_each_breaks() -> None:
    """An owner sees which axis moved, from where to where, and why it counts."""
    before = MappedStatuses("COMPLETED", "PAID", "IN_PROGRESS")
    after = MappedStatuses("PROCESSING", "UNPAID", "DELIVERED")
    found = [structs.astuple(transition) for transition in Lifecycle().transitions(before, after)]
    assert found == [
        ("order", "COMPLETED", "PROCESSING", Verdict.WARN, "terminal_not_reopened"),
        ("payment", "PAID", "UNPAID", Verdict.ILLEGAL, "transition_allowed"),
        ("fulfilment", "IN_PROGRESS", "DELIVERED", Verdict.SKIPPED, "transition_skipped"),
    ]
    assert Lifecycle().transitions(before, before) == []


def test_an_order_first_seen_late_is_backdated() -> None:
    """An order whose past was missed is flagged, and one at its start is not."""
    lifecycle = Lifecycle()
    assert lifecycle.backdated(MappedStatuses("COMPLETED", "PAID", "FULFILLED"))
    assert not lifecycle.backdated(MappedStatuses("CONFIRMED", "PAID", "UNFULFILLED"))
    assert not lifecycle.backdated(MappedStatuses("PENDING", "UNKNOWN", "UNKNOWN"))
    rules = [
        transition.rule
        for transition in lifecycle.transitions(None, MappedStatuses("COMPLETED", "PAID", "UNFULFILLED"))
    ]
    assert rules == ["transition_has_origin", None, None]


def test_a_channel_may_have_other_entry_states() -> None:
    """Counter sales are born completed; their channel says so."""
    entry: dict[Axis, frozenset[str]] = {
        "order": frozenset({"COMPLETED"}),
        "fulfilment": frozenset({"DELIVERED"}),
    }
    born = MappedStatuses("COMPLETED", "PAID", "DELIVERED")
    assert not Lifecycle(Profile(entry=entry)).backdated(born)
    with pytest.raises(LifecycleTableError, match="SOLD"):
        Lifecycle(Profile(entry={"order": frozenset({"SOLD"})}))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("PENDING: [CONFIRMED,", "PENDING: [CONFIMED,", "CONFIMED"),
        ("    CLOSED: [COMPLETED]\n", "", "one row per state"),
        ("    REJECTED: [CLOSED]\n", "    REJECTED: [REJECTED]\n", "does not follow itself"),
        ("    CLOSED: [COMPLETED]\n", "    CLOSED: [COMPLETED]\n    DRAFT: []\n", "DRAFT"),
        ("CONFIRMED: [PENDING, REJECTED]", "CONFIRMED: [PENDING, PROCESSING]", "both legal and warn"),
        ("entry: [PENDING, ON_HOLD, CONFIRMED]", "entry: [CLOSED]", "no legal path"),
        ("    ON_HOLD: 0\n    CONFIRMED: 1", "    HELD: 0\n    CONFIRMED: 1", "HELD"),
    ],
)
def test_a_broken_table_is_refused(old: str, new: str, message: str) -> None:
    """A slip in the data stops the start with its reason instead of judging orders wrongly."""
    text = tables.EDGES.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(LifecycleTableError, match=message):
        tables.parse(text.replace(old, new, 1), "edges.yaml")
