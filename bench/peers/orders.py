"""The raw events of the comparison: Shopify order webhooks, each of which tells a whole order.

They come from the demo's shops: orders placed, paid, cancelled. Left out is what only a pipeline with history
understands: refunds and fulfilments that come alone, repetitions, early events and defects. What is left has one output
for each raw event, whoever processes it, so that losses and doubles can be counted by their cause.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator

import orjson

from bench.load import SEED
from ingest.demo import shopify_journey
from ingest.demo.journey import Chance
from ingest.demo.records import Draft, Labelled, RawRecord
from ingest.demo.stream import JOURNEYS_AT_ONCE, TOPICS

RAW = TOPICS["shopify"]
KINDS = frozenset({"orders/create", "orders/paid", "orders/cancelled"})
MOST_BYTES = 6_000
"""So that a webhook has 5 KB on average: orders of one line or two."""
_MILLISECONDS_PER_EVENT = 6_100
"""Their own pace, rounded up: so far back starts a stream that ends about now."""


def orders(events: int) -> Iterator[Labelled]:
    """So many webhooks of orders, many orders at a time, each in the order of its changes."""
    chance = Chance(SEED)
    at = time.time_ns() // 1_000_000 - events * _MILLISECONDS_PER_EVENT
    due: list[tuple[int, int]] = [(at, number) for number in range(JOURNEYS_AT_ONCE)]
    journeys = [shopify_journey.journey(chance, at) for _ in due]
    while events:
        now, number = heapq.heappop(due)
        coming = next(journeys[number], None)
        if coming is None:
            journeys[number] = shopify_journey.journey(chance, now)
            heapq.heappush(due, (now, number))
            continue
        now, draft = coming
        told = _told(draft, now)
        heapq.heappush(due, (now, number))
        if told is not None:
            events -= 1
            yield told


def _told(draft: Draft, at: int) -> Labelled | None:
    if draft.kind not in KINDS or draft.defect or draft.mishap:
        return None
    value = orjson.dumps(draft.body)
    if len(value) > MOST_BYTES:
        return None
    record = RawRecord(RAW, draft.key.encode(), value, draft.headers, at)
    return Labelled(record, draft.channel, draft.kind, None, None)
