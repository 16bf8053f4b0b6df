"""Exhaustive searches: the protocol holds in every state within a budget of faults, and every rule has its reason."""

from __future__ import annotations

import pytest

from . import hand_over
from .hand_over import HandOver
from .model import check
from .rules import Rule
from .search import Found, search
from .variants import AS_BUILT, FOUND, PROCESS_FAULTS, REDUNDANT_ALONE, Variant
from .world import World, line


def told(found: Found[World]) -> str:
    """What was found, and the counterexample step by step."""
    steps = [f"{name}\n    {line(world)}" for name, world in found.trace]
    return "\n".join([f"{found.violation} among {found.states:,} states", *steps])


def named(variants: tuple[Variant, ...]) -> list:
    return [pytest.param(variant, id=variant.name.replace(" ", "-")) for variant in variants]


@pytest.mark.parametrize("variant", named(AS_BUILT))
def test_no_schedule_breaks_the_protocol(variant):
    """Whatever order the steps and faults come in: nothing doubled, lost, out of order, stuck or stopped in vain."""
    found = variant.search()
    assert found.violation is None, told(found)
    assert found.states > 1_000, "the faults were not searched"
    assert found.ends > 0


@pytest.mark.parametrize("variant", named(FOUND))
def test_a_rule_taken_out_is_found_out(variant):
    """Nobody can drop this rule unnoticed: the search shows a schedule that breaks a promise."""
    found = variant.search()
    assert (found.violation or "").split(":")[0].split()[:1] == [variant.finds], told(found)


@pytest.mark.parametrize("variant", named(REDUNDANT_ALONE))
def test_a_second_rule_covers_the_first(variant):
    """Defence in depth, known as such: with one of these taken out, another rule still keeps every promise."""
    found = variant.search()
    assert found.violation is None, told(found)


def test_a_counterexample_can_be_replayed_by_reading_it():
    """A trace starts at the beginning, and each of its steps follows from the one before."""
    found = check(PROCESS_FAULTS, without=frozenset({Rule.STABLE_OFFSET}))
    names = [name for name, _ in found.trace]
    assert names[0] == "start"
    assert "A sends offsets" in names
    assert "B asks for the receipt" in names
    assert names.index("A sends offsets") < names.index("B asks for the receipt") < len(names) - 1
    assert found.trace[-1][1].kafka.log == ((1, 1), (1, 1))


@pytest.mark.parametrize("crashes", [0, 2])
def test_an_order_in_two_partitions_is_seen_in_order(crashes):
    """An order that moves between partitions never shows version 6 before version 5, whoever is killed."""
    found = hand_over.check(3, crashes, HandOver.BY_SEQUENCE)
    assert found.violation is None, found.trace
    assert found.ends > 0


@pytest.mark.parametrize("how", [HandOver.BY_OFFSET, HandOver.NOT_AT_ALL])
def test_a_weaker_hand_over_is_found_out(how):
    """The offset is not enough: a row that moves no offset would be taken for published too early."""
    assert hand_over.check(2, 0, how).violation.startswith("order")


def test_the_search_gives_a_shortest_counterexample_and_counts_every_state():
    """Its numbers can be trusted: on a graph small enough to count by hand, it counts the same."""

    def moves(number: int) -> list[tuple[str, int]]:
        return [("add", number + 1), ("double", number * 2)] if number < 6 else []

    assert search(1, moves, lambda _number, _at_end: None).states == len({1, 2, 3, 4, 5, 6, 8, 10})
    found = search(1, moves, lambda number, _at_end: "six" if number == 6 else None)
    assert found.trace == [("start", 1), ("add", 2), ("add", 3), ("double", 6)]
