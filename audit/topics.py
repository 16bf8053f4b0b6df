"""The five output topics, each by what it carries; names may differ from deployment to deployment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What an output topic carries."""

    ORDERS = 0
    CHANGES = 1
    GUESTS = 2
    FINDINGS = 3
    QUARANTINE = 4


NUMBERED = frozenset({Role.ORDERS, Role.CHANGES, Role.GUESTS})
"""Topics whose records are numbered per key: contiguous and rising."""

COMPACTED = frozenset({Role.ORDERS})
"""Topics that keep only the newest records of a key."""


@dataclass(frozen=True, slots=True)
class OutputTopics:
    """The names of the output topics."""

    orders: str = "oms.orders.v1"
    changes: str = "oms.order-changes.v1"
    guests: str = "oms.guest-conversions.v1"
    findings: str = "oms.quality-findings.v1"
    quarantine: str = "oms.quarantine.v1"

    def __iter__(self) -> Iterator[tuple[Role, str]]:
        names = (self.orders, self.changes, self.guests, self.findings, self.quarantine)
        return iter(zip(Role, names, strict=True))

    def __getitem__(self, role: Role) -> str:
        return tuple(self)[role][1]
