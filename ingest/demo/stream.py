"""The demo stream: what a few shops publish in a while, journeys interleaved, mishaps and defects included.

The same seed, number and start give the same bytes. Memory does not grow with the number of events.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, NamedTuple

import orjson

from ingest.demo import defects, shopify_journey, web_journey
from ingest.demo.journey import Chance, Journey
from ingest.demo.records import DefectKind, Draft, Labelled, Mishap, RawRecord

TOPICS: Final = {"web": "raw.web.orders.v1", "shopify": "raw.shopify.orders.v1"}

JOURNEYS_AT_ONCE: Final = 48
SHARE_OF_WEB: Final = 0.6

DEFECTS: Final = 0.048
"""Chance of an event to be spoilt; with impossible changes of state, about one in twenty is defective."""
DUPLICATES: Final = 0.015
REDELIVERIES: Final = 0.008
LATE: Final = 0.012


def stream(seed: int, events: int, start: int) -> Iterator[RawRecord]:
    """`events` records from `start` (milliseconds since the epoch) on, in the order of their timestamps."""
    return (labelled.record for labelled in labelled_stream(seed, events, start))


def labelled_stream(seed: int, events: int, start: int) -> Iterator[Labelled]:
    """The same records, each with what is wrong with it, or happened to it."""
    chance = Chance(seed)
    due = _Due()
    for number in range(JOURNEYS_AT_ONCE):
        due.begin(chance, start + number * 1_000)
    produced = 0
    while produced < events:
        at, coming = due.next()
        told = _publish(chance, due, at, coming) if isinstance(coming, _Step) else coming
        if told is not None:
            produced += 1
            yield told


class _Step(NamedTuple):
    """The next event of a journey, not yet encoded."""

    draft: Draft
    journey: Journey


class _Due:
    """What comes next: events of journeys, and records on their way, by the time at which they are due."""

    __slots__ = ("_added", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, _Step | Labelled]] = []
        self._added = 0

    def add(self, at: int, told: _Step | Labelled) -> None:
        self._added += 1
        heapq.heappush(self._heap, (at, self._added, told))

    def next(self) -> tuple[int, _Step | Labelled]:
        at, _, told = heapq.heappop(self._heap)
        return at, told

    def begin(self, chance: Chance, at: int) -> None:
        """A new journey; every one has at least one event."""
        make = web_journey.journey if chance.draw() < SHARE_OF_WEB else shopify_journey.journey
        journey = make(chance, at)
        first_at, draft = next(journey)
        self.add(first_at, _Step(draft, journey))


def _publish(chance: Chance, due: _Due, at: int, step: _Step) -> Labelled | None:
    """The record of an event, and whatever follows from it; None when the record is held up on its way."""
    draft = step.draft
    # Encoded before the journey goes on, for it changes its document in place.
    told = _encoded(chance, at, draft)
    good = told.defect is None and told.mishap is None
    following = next(step.journey, None)
    if following is None:
        due.begin(chance, at + chance.delay(500, 5_000))
    else:
        due.add(following[0], _Step(following[1], step.journey))
        if good and draft.kind.startswith("order") and chance.draw() < LATE:
            due.add(following[0] + 1, _again(told, following[0] + 1, told.record.headers, Mishap.LATE))
            return None
    if good:
        draw = chance.draw()
        if draw < DUPLICATES:
            later = at + chance.delay(200, 20_000)
            due.add(later, _again(told, later, told.record.headers, Mishap.DUPLICATE))
        elif draw < DUPLICATES + REDELIVERIES:
            later = at + chance.delay(200, 20_000)
            due.add(later, _redelivered(chance, told, later))
    return told


def _encoded(chance: Chance, at: int, draft: Draft) -> Labelled:
    defect: DefectKind | None = draft.defect
    headers = draft.headers
    value: bytes | None
    if defect is None and chance.draw() < DEFECTS and (way := defects.choose(chance.random, draft)) is not None:
        value, headers = defects.spoil(way, draft)
        defect = way.defect
    else:
        value = orjson.dumps(draft.body)
    record = RawRecord(TOPICS[draft.channel], draft.key.encode(), value, headers, at)
    return Labelled(record, draft.channel, draft.kind, defect, None if defect else draft.mishap)


def _again(told: Labelled, at: int, headers: list[tuple[str, bytes]], mishap: Mishap) -> Labelled:
    record = told.record._replace(headers=headers, timestamp_ms=at)
    return Labelled(record, told.channel, told.kind, None, mishap)


def _redelivered(chance: Chance, told: Labelled, at: int) -> Labelled:
    """The same content under a new id: a second delivery on Shopify, a producer's blind retry on the web."""
    identifier = chance.uuid()
    if told.channel == "shopify":
        headers = [
            (name, identifier.encode() if name == "X-Shopify-Webhook-Id" else value)
            for name, value in told.record.headers
        ]
        return _again(told, at, headers, Mishap.REDELIVERED)
    again = _again(told, at, told.record.headers, Mishap.REDELIVERED)
    body = orjson.loads(told.record.value or b"")
    body["event_id"] = identifier
    record = again.record._replace(value=orjson.dumps(body))
    return Labelled(record, told.channel, told.kind, None, Mishap.REDELIVERED)
