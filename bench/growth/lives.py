"""Orders that are stored already, and what happens to them later: the events of a growing shop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import orjson

from ingest.demo import shopify_journey, web_journey
from ingest.demo.journey import Chance, Journey
from ingest.demo.records import RawRecord
from ingest.demo.stream import SHARE_OF_WEB, TOPICS

SEED = 2026

_PLACED = ("order.placed", "orders/create")
_MILLISECONDS_PER_LIFE = 1_000


@dataclass(frozen=True, slots=True)
class Life:
    """One buyer's events: up to the placed order, and what became of it. A life without an order has only the first."""

    before: tuple[RawRecord, ...]
    after: tuple[RawRecord, ...]


def lives(seed: int, count: int) -> Iterator[Life]:
    """So many lives of web and Shopify as in the demo stream, one after the other, without mishaps and defects.

    The last one starts about now; what happens to it lies in the future, as its channel tells it.
    """
    chance = Chance(seed)
    at = time.time_ns() // 1_000_000 - count * _MILLISECONDS_PER_LIFE
    made = 0
    while made < count:
        make = web_journey.journey if chance.draw() < SHARE_OF_WEB else shopify_journey.journey
        life = _life(make(chance, at))
        if life is not None:
            made += 1
            at += _MILLISECONDS_PER_LIFE
            yield life


def _life(journey: Journey) -> Life | None:
    """The life of a journey; None when something spoilt it on purpose."""
    before: list[RawRecord] = []
    after: list[RawRecord] = []
    records = before
    spoilt = False
    for at, draft in journey:
        spoilt = spoilt or draft.mishap is not None or draft.defect is not None
        value = orjson.dumps(draft.body)
        records.append(RawRecord(TOPICS[draft.channel], draft.key.encode(), value, draft.headers, at))
        if draft.kind in _PLACED:
            records = after
    return None if spoilt else Life(tuple(before), tuple(after))


def placed(seed: int, count: int) -> list[Life]:
    """So many lives in which an order is placed."""
    found: list[Life] = []
    for life in lives(seed, count * 2):
        if life.after:
            found.append(life)
        if len(found) == count:
            break
    return found


def mixed(seed: int, stories: Sequence[Sequence[RawRecord]]) -> list[RawRecord]:
    """The events of many stories in a random order that keeps each story's own."""
    random = Random(seed)  # noqa: S311 -- a repeatable order, no secret
    turns = [number for number, story in enumerate(stories) for _ in story]
    random.shuffle(turns)
    ahead = [iter(story) for story in stories]
    return [next(ahead[number]) for number in turns]
