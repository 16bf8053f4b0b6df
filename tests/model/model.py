"""The protocol as a whole: every step and every fault that may follow a state, searched for a broken invariant."""

from __future__ import annotations

from collections.abc import Callable

from .faults import FAULTS
from .invariants import broken
from .rules import ALL, Rule
from .search import Found, search
from .steps import poll, step
from .world import Faults, World, beginning

Question = Callable[[World, Faults, bool], str | None]


def moves(world: World, rules: frozenset[Rule]) -> list[tuple[str, World]]:
    """Everything that may happen next, with its name."""
    following = []
    for me, worker in enumerate(world.workers):
        name = "AB"[me]
        following += [(f"{name} {worker.at}", after) for after in step(world, me, rules)]
        following += [(f"{name} polls", after) for after in poll(world, me, rules)]
    for fault in FAULTS:
        following += fault(world)
    return following


def check(
    faults: Faults,
    rows: int = 2,
    without: frozenset[Rule] = frozenset(),
    question: Question = broken,
    most: int = 5_000_000,
) -> Found[World]:
    """Search the protocol, or what is left of it `without` some rules, under a budget of faults.

    `question` gives what is wrong with a state, from the state, the budget, and whether no step leads on. Raises
    SpaceTooLarge past `most` states.
    """
    rules = ALL - without

    def following(world: World) -> list[tuple[str, World]]:
        return moves(world, rules)

    return search(beginning(rows, faults), following, lambda world, at_end: question(world, faults, at_end), most)
