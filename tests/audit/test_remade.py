"""A raw log that was made again: what outputs of the former log explain is told, and nothing else is let go."""

from __future__ import annotations

import pytest

from audit.remade import Remade
from audit.violation import Kind, Position
from tests.audit.healthy import RAW_TOPICS, World, cause, healthy, place

KEY = (RAW_TOPICS[0], 1)
LEFT = 10
"""Events of the present log; the former one had more."""


@pytest.fixture
def world() -> World:
    """The log of one partition holds its first events only: outputs of the others are of a former log."""
    world = healthy(200).copy()
    world.ends[KEY] = LEFT
    world.raw = [one for one in world.raw if place(one)[:2] != KEY or one.offset < LEFT]
    world.outcomes = [one for one in world.outcomes if one[:2] != KEY or one.offset < LEFT]
    return world


def test_outputs_of_a_former_log_are_told_and_not_named(world):
    """Without what is known of the former log each of its outputs is a violation; with it each is counted."""
    former = {place(one) for one in world.outputs if cause(one)[:2] == KEY and cause(one).offset >= LEFT}
    found = world.audit()
    assert {one.output for one in found} == former
    remade = Remade({KEY: range(10_000)})
    assert list(remade.ruled_out(found)) == []
    assert remade.explained.total() == len(former)


def test_what_lies_outside_the_former_log_is_named(world):
    """One offset that the former log did not have, or another partition: nothing explains these."""
    last = max(cause(one).offset for one in world.outputs if cause(one)[:2] == KEY)
    found = world.audit()
    named = list(Remade({KEY: range(last), (KEY[0], 2): range(10_000)}).ruled_out(found))
    assert {one.raw for one in named} == {Position(*KEY, last)}


def test_a_loss_is_named_although_the_log_was_made_again(world):
    """What is missing of the present log is missing, whatever the former one had."""
    lost = next(one for one in world.outputs if cause(one)[:2] == KEY and cause(one).offset < LEFT)
    world.outputs.remove(lost)
    named = list(Remade({KEY: range(10_000)}).ruled_out(world.audit()))
    assert cause(lost) in {one.raw for one in named}
    assert {one.kind for one in named} <= {Kind.OUTPUT_MISSING, Kind.VERSION_MISSING}
