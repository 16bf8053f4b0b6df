"""Exhaustive search: every state that a model can reach, breadth first, so that a counterexample is a shortest one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)

Moves = Callable[[State], Iterable[tuple[str, State]]]
"""Every next step from a state: its name, and the state after it."""
Judge = Callable[[State, bool], str | None]
"""What is wrong with a state, None when nothing is; the flag says that no step leads on from it."""


class SpaceTooLarge(Exception):
    """The search was given up: nothing was found so far, and nothing is shown by it."""


@dataclass(frozen=True)
class Found(Generic[State]):
    """What a search found out."""

    states: int
    """Different states seen."""
    ends: int
    """Of them, those from which no step leads on."""
    violation: str | None
    trace: list[tuple[str, State]]
    """The steps to the violation, each with the state after it; the first is the start. Empty without a violation."""


def search(start: State, moves: Moves[State], judge: Judge[State], most: int = 5_000_000) -> Found[State]:
    """Visit every state that can be reached, up to the first violation. Raises SpaceTooLarge past `most` states."""
    came_from: dict[State, State | None] = {start: None}
    waiting = deque([start])
    ends = 0
    while waiting:
        state = waiting.popleft()
        following = list(moves(state))
        ends += not following
        violation = judge(state, not following)
        if violation is not None:
            return Found(len(came_from), ends, violation, _trace(state, came_from, moves))
        for _, after in following:
            if after not in came_from:
                came_from[after] = state
                waiting.append(after)
        if len(came_from) > most:
            raise SpaceTooLarge(f"more than {most:,} states; no violation among the {len(came_from):,} seen")
    return Found(len(came_from), ends, None, [])


def _trace(state: State, came_from: dict[State, State | None], moves: Moves[State]) -> list[tuple[str, State]]:
    backwards = []
    before = came_from[state]
    while before is not None:
        name = next(name for name, after in moves(before) if after == state)
        backwards.append((name, state))
        state, before = before, came_from[before]
    return [("start", state), *reversed(backwards)]
