"""A raw log that was made again: what outputs of the former log explain is told, and nothing else is let go."""

from __future__ import annotations

import pytest

from audit.reading import IDENTITY
from audit.remade import Remade
from audit.topics import Role
from audit.violation import Kind, Position
from tests.audit.damage import role, version, with_content, with_header
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


@pytest.mark.parametrize("lost_role", [Role.ORDERS, Role.CHANGES])
def test_a_record_of_the_former_log_does_not_stand_in_for_a_lost_one(lost_role):
    """One position is two events: an order of the former one is not the order of the present one."""
    world = healthy(200).copy()
    scope = world.scope(former={KEY: range(10_000)})
    other = "00000000-0000-4000-8000-000000000000"
    # The newest version of its order: no neighbour tells of it.
    newest = {version(one)[0]: one for one in world.outputs if role(one) is lost_role and cause(one)[:2] == KEY}
    lost = next(iter(newest.values()))
    for one in [one for one in world.outputs if cause(one) == cause(lost) and role(one) in (Role.ORDERS, Role.CHANGES)]:
        former = with_header(with_content(one, order_id=other, canonical_version=1), IDENTITY, b"former%d" % role(one))
        world.outputs.append(world.append(one[:2], one.timestamp_ms, other.encode(), former.value, former.headers))
    world.outputs.remove(lost)
    named = [one for one in Remade(scope.former).ruled_out(world.audit(scope)) if one.raw == cause(lost)]
    assert [(one.kind, (one.key, one.version)) for one in named] == [(Kind.OUTPUT_MISSING, version(lost))]


def test_a_quarantine_record_of_the_former_log_does_not_stand_in_for_a_lost_one():
    """It holds another original."""
    world = healthy(200).copy()
    scope = world.scope(former={KEY: range(10_000)})
    lost = next(one for one in world.outputs if role(one) is Role.QUARANTINE and cause(one)[:2] == KEY)
    former = with_header(with_content(lost, value=b"{}", raw_timestamp=1000), IDENTITY, b"former")
    world.outputs[world.outputs.index(lost)] = former
    named = list(Remade(scope.former).ruled_out(world.audit(scope)))
    assert [(one.kind, one.raw) for one in named] == [(Kind.OUTPUT_MISSING, cause(lost))]
