"""Exactly once: no output record is there twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.topics import OutputTopics, Role
from audit.violation import Kind, Position, Violation


def doubled(by_id: Iterable[tuple[int, bytes, int, int]], topics: OutputTopics) -> Iterator[Violation]:
    """Every record after the first with the same `ce_id`; (role, id, partition, offset) sorted in that order."""
    before: tuple[int, bytes, int, int] = (-1, b"", 0, 0)
    for one in by_id:
        role, identity, partition, offset = one
        if identity == before[1] and role == before[0]:
            topic = topics[Role(role)]
            first, again = Position(topic, *before[2:]), Position(topic, partition, offset)
            sentence = f"{again} is published a second time: {first} has the same ce_id"
            yield Violation(Kind.OUTPUT_DOUBLED, sentence, output=again)
        else:
            before = one
