"""The lifecycle tables of edges.yaml, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from schemas.types import FulfilmentStatus, OrderStatus, PaymentStatus

Axis: TypeAlias = Literal["order", "payment", "fulfilment"]

AXES: tuple[Axis, ...] = ("order", "payment", "fulfilment")
UNKNOWN = "UNKNOWN"

EDGES = Path(__file__).with_name("edges.yaml")

_VOCABULARY: Mapping[str, frozenset[str]] = {
    "order": frozenset(get_args(OrderStatus)) - {UNKNOWN},
    "payment": frozenset(get_args(PaymentStatus)) - {UNKNOWN},
    "fulfilment": frozenset(get_args(FulfilmentStatus)) - {UNKNOWN},
}


class LifecycleTableError(ValueError):
    """The lifecycle tables, or a channel's change to them, contradict themselves or the canonical states."""


class Table(BaseModel):
    """One axis: its states, their ranks, and the edges between them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ranks: dict[str, int]
    progress: frozenset[str]
    entry: frozenset[str]
    terminal: frozenset[str]
    legal: dict[str, frozenset[str]]
    warn: dict[str, frozenset[str]]

    @model_validator(mode="after")
    def _consistent(self) -> Table:
        states = set(self.ranks)
        for name in ("legal", "warn"):
            edges: dict[str, frozenset[str]] = getattr(self, name)
            if set(edges) != states:
                raise ValueError(f"{name}: expected one row per state, differs in {set(edges) ^ states}")
            for before, targets in edges.items():
                if not targets <= states:
                    raise ValueError(f"{name}.{before}: unknown states {sorted(targets - states)}")
                if before in targets:
                    raise ValueError(f"{name}.{before}: a state does not follow itself")
        for name in ("progress", "entry", "terminal"):
            unknown = getattr(self, name) - states
            if unknown:
                raise ValueError(f"{name}: unknown states {sorted(unknown)}")
        for before in states:
            twice = self.legal[before] & self.warn[before]
            if twice:
                raise ValueError(f"{before}: both legal and warn to {sorted(twice)}")
        unreachable = states - self._reachable_from_entry()
        if unreachable:
            raise ValueError(f"no legal path from an entry state to {sorted(unreachable)}")
        return self

    def _reachable_from_entry(self) -> set[str]:
        reached = set(self.entry)
        ahead = list(self.entry)
        while ahead:
            fresh = self.legal[ahead.pop()] - reached
            reached |= fresh
            ahead.extend(fresh)
        return reached

    def forward(self, before: str) -> set[str]:
        """The states that legal edges reach from `before` without ever losing rank."""
        reached: set[str] = set()
        ahead = [before]
        while ahead:
            state = ahead.pop()
            for target in self.legal[state] - reached:
                if self.ranks[target] >= self.ranks[state]:
                    reached.add(target)
                    ahead.append(target)
        return reached - {before}


class Tables(BaseModel):
    """The three axes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order: Table
    payment: Table
    fulfilment: Table

    @model_validator(mode="after")
    def _names_the_canonical_states(self) -> Tables:
        for axis in AXES:
            difference = set(self.of(axis).ranks) ^ _VOCABULARY[axis]
            if difference:
                raise ValueError(f"{axis}: states differ from the canonical order's in {sorted(difference)}")
        return self

    def of(self, axis: Axis) -> Table:
        """The table of one axis."""
        table: Table = getattr(self, axis)
        return table


def parse(text: str, source: str) -> Tables:
    """Read tables from YAML; raises LifecycleTableError naming `source` and every contradiction."""
    try:
        return Tables.model_validate(yaml.safe_load(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise LifecycleTableError(f"{source}: {error}") from error


@cache
def canonical() -> Tables:
    """The tables of edges.yaml."""
    return parse(EDGES.read_text(encoding="utf-8"), EDGES.name)
