"""A doubt is looked into: what the live system explains is no violation, and what it does not is one."""

from __future__ import annotations

from audit.doubts import Doubts
from audit.facts import Output
from audit.topics import Role
from audit.violation import Doubt, Kind, Position, Violation

WAITING, DECIDED = Position("raw.web.orders.v1", 0, 1), Position("raw.web.orders.v1", 0, 2)
THERE, GONE = Position("oms.orders.v1", 0, 1), Position("oms.orders.v1", 0, 2)
ORDER, OTHER = "dc9040ef-8f0e-5d50-aa16-060c03948545", "0f65b3f9-c942-5e18-bf6f-dfacb672d869"


def doubts(asked: list[object]) -> Doubts:
    def has(place: Position) -> bool:
        asked.append(place)
        return place == THERE

    later = Output(Role.ORDERS, 0, 9, 0, b"", bytes.fromhex(OTHER.replace("-", "")), 3, None, 0, b"")
    return Doubts(lambda events: set(events) & {WAITING}, has, lambda: [later])


def violation(sentence: str, doubt: Doubt | None, **what: object) -> Violation:
    return Violation(Kind.OUTPUT_MISSING, sentence, doubt=doubt, **what)


def test_only_what_nothing_explains_is_let_through():
    """Events decided meanwhile, records taken by the cleaner, versions superseded: the audit tells them apart."""
    asked: list[object] = []
    looked_into = doubts(asked)
    found = list(
        looked_into.ruled_out(
            [
                violation("certain", None),
                violation("waits", Doubt.RELEASED, raw=WAITING),
                violation("decided since", Doubt.RELEASED, raw=DECIDED),
                violation("lost", Doubt.COMPACTED, witness=THERE),
                violation("lost, too", Doubt.COMPACTED, witness=THERE),
                violation("cleaned", Doubt.COMPACTED, witness=GONE),
                violation("lost at the end", Doubt.SUPERSEDED, key=ORDER),
                violation("superseded", Doubt.SUPERSEDED, key=OTHER),
            ]
        )
    )
    assert {one.sentence for one in found} == {"certain", "waits", "lost", "lost, too", "lost at the end"}
    assert all(one.doubt is None and one.witness is None for one in found)
    assert sorted(looked_into.explained.values()) == [1, 2]
    assert asked == [THERE, GONE], "each place is looked at once"
