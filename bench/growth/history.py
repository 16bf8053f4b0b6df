"""Growth of one order: the nth change of an order that already had n - 1, and orders that hold more and more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any
from uuid import UUID

import orjson

from bench.deployment import OUTPUTS, RAW_TOPICS, Deployment
from bench.figures import median
from bench.growth import lives
from bench.growth.cost import Batches, Sample, cost
from bench.growth.running import govern, line, watched
from bench.growth.series import Point, Series, at_most, cpu_ratio, cpu_us
from bench.load import publish
from deploy.local.report import Report
from ingest.demo.records import RawRecord
from ingest.demo.stream import TOPICS

NAME = "history"
CONTENT = "content"
MOST_RATIO = 1.1
"""The last changes against the first ones; runs of equal work differ by a few percent."""
TURNS = 15
CHANGES_IN_TURN = 10
"""A machine's speed drifts over the minutes that a thousand changes take: old and young orders take turns."""
_AGES = (0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_MOST_CHUNKS = 5


def measure(deployment: Deployment, orders: int, changes: int, report: Report) -> Series:
    """The series: all of `orders` get their nth change before any gets the next one, in one partition.

    When they have `changes`, further changes of them take turns with the first changes of new orders.
    """
    deployment.fresh_topics(RAW_TOPICS, OUTPUTS, raw_partitions=1)
    placed = _web_orders(lives.SEED, orders)
    warm = [record for record, _ in _web_orders(lives.SEED + 1, 4 * orders)]
    first = [record for record, _ in placed]
    report(f"{NAME}: publishing {orders:,} orders and {changes:,} changes of each")
    publish(deployment.servers, warm)
    publish(deployment.servers, first)
    publish(deployment.servers, _changes(placed, 1, changes))
    blocks: list[tuple[str, int]] = []
    for kind, records in _in_turns(placed, changes):
        publish(deployment.servers, records)
        blocks.append((kind, len(records)))
    before = len(warm) + len(first)
    turns_begin = before + orders * changes
    url = deployment.fresh_database(NAME)
    batches, samples = watched(deployment, NAME, url, turns_begin + sum(count for _, count in blocks))
    ages = [age for age in _AGES if age <= changes]
    points = by_age(batches, samples, before, orders, ages)
    for point in points:
        report(f"{NAME}: changes {point.label}: {line(point.median)}")
    ratios = by_turn(batches, samples, turns_begin, blocks)
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    report(f"{NAME}: old against young, in turns: {told}")
    last = changes + TURNS * CHANGES_IN_TURN
    return Series(
        NAME,
        "History of an order",
        "changes of the order so far",
        points,
        [
            at_most(
                f"CPU per event of changes {changes + 1:,} to {last:,} against 1 to {CHANGES_IN_TURN} of new orders",
                MOST_RATIO,
                median(ratios),
            )
        ],
        [
            f"What is promised is measured in {TURNS} turns of one run, each of {CHANGES_IN_TURN} changes of orders "
            f"that have {changes:,} and more, then of orders just placed; one against the other, by turn: {told}. The "
            "table's rows lie minutes apart, in which the speed of a shared machine drifts.",
            f"{orders:,} orders, all of them changed once before any is changed again; each change is a new address of "
            "the same length, so that the order's content does not grow.",
            "Every change is a governed event with a version, a journal row and an outcome of its own.",
        ],
    )


def by_age(batches: Batches, samples: Sequence[Sample], before: int, orders: int, ages: Sequence[int]) -> list[Point]:
    """The cost of the changes between each two ages; `before` events come ahead of the first change.

    The span of a point is divided into up to five, each of two batches at least, so that its spread is seen.
    """
    points = []
    for low, high in pairwise(ages):
        inside = _within(batches, before + low * orders, before + high * orders)
        if len(inside) < 2:
            raise ValueError(f"changes {low + 1} to {high} took less than two batches; take more orders")
        points.append(Point(high, [cost([chunk], samples) for chunk in _chunks(inside)], f"{low + 1:,} to {high:,}"))
    return points


def by_turn(batches: Batches, samples: Sequence[Sample], before: int, blocks: Sequence[tuple[str, int]]) -> list[float]:
    """CPU per event of each block of old orders against the young one that follows it: one ratio per turn.

    `blocks` are kind and events, in their order; `before` events come ahead of them. Raises ValueError for one of less
    than two batches.
    """
    costs: dict[str, list[float]] = {"old": [], "young": []}
    for kind, count in blocks:
        if kind in costs:
            inside = _within(batches, before, before + count)
            if len(inside) < 2:
                raise ValueError(f"{count} changes of a turn took less than two batches; take more orders")
            costs[kind].append(cpu_us(cost([inside], samples)))
        before += count
    return [old / young for old, young in zip(costs["old"], costs["young"], strict=True)]


def _within(batches: Batches, low: int, high: int) -> Batches:
    """The batches that end between these numbers of events; the first of them only sets the clock."""
    ends = accumulate(batch["events"] for batch in batches)
    return [batch for batch, end in zip(batches, ends, strict=True) if low <= end <= high]


def _changes(placed: Sequence[tuple[RawRecord, dict[str, Any]]], first: int, last: int) -> Iterator[RawRecord]:
    """All orders' change `first`, then all orders' next one."""
    return (change(document, n) for n in range(first, last + 1) for _, document in placed)


def _in_turns(
    placed: Sequence[tuple[RawRecord, dict[str, Any]]], changes: int
) -> Iterator[tuple[str, list[RawRecord]]]:
    """Further changes of these orders, which have `changes`; then new orders placed, then as many changes of those."""
    for turn in range(TURNS):
        done = changes + turn * CHANGES_IN_TURN
        yield "old", list(_changes(placed, done + 1, done + CHANGES_IN_TURN))
        young = _web_orders(lives.SEED + 2 + turn, len(placed))
        yield "placed", [record for record, _ in young]
        yield "young", list(_changes(young, 1, CHANGES_IN_TURN))


def _chunks(batches: Batches) -> Iterator[Batches]:
    steps = len(batches) - 1
    count = min(max(steps // 2, 1), _MOST_CHUNKS)
    for number in range(count):
        yield batches[steps * number // count : steps * (number + 1) // count + 1]


def measure_content(deployment: Deployment, orders: int, counts: Sequence[int], turns: int, report: Report) -> Series:
    """The series: orders with more and more failed payments, placed and then changed once."""
    points = {count: Point(count, []) for count in counts}
    sizes: dict[int, int] = {}
    for turn in range(turns):
        for count in counts if turn % 2 == 0 else reversed(counts):
            deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
            documents = [_with_payments(document, count) for _, document in _web_orders(lives.SEED, orders)]
            records = [change(document, n) for n in range(2) for document in documents]
            sizes[count] = len(records[0].value or b"")
            publish(deployment.servers, records)
            name = f"{CONTENT}-{count}-{turn}"
            one = govern(deployment, name, deployment.fresh_database(name), len(records))
            points[count] = Point(count, [*points[count].runs, one], f"{sizes[count] / 1024:.1f} KiB")
            report(f"{CONTENT}: turn {turn + 1}, {count} payments ({points[count].label}): {line(one)}")
    first, last = points[counts[0]], points[counts[-1]]
    return Series(
        CONTENT,
        "Content of an order",
        "failed payments in the order",
        list(points.values()),
        notes=[
            "An order is published whole after each change, so a change costs what the order holds. Labels are sizes "
            "of the raw event.",
            f"{sizes[counts[-1]] / sizes[counts[0]]:.1f} times the bytes cost {cpu_ratio(last, first):.1f} times the "
            "CPU.",
        ],
    )


def _web_orders(seed: int, count: int) -> list[tuple[RawRecord, dict[str, Any]]]:
    """So many orders placed on the web: the event, and its body."""
    found: list[tuple[RawRecord, dict[str, Any]]] = []
    for life in lives.placed(seed, 2 * count):
        record = life.before[-1]
        if record.topic == TOPICS["web"] and len(found) < count:
            found.append((record, orjson.loads(record.value or b"")))
    return found


def change(body: dict[str, Any], number: int) -> RawRecord:
    """The event of an order's change `number`: a new version with another address, one second after the last.

    Number 0 places the order. Equal numbers give equal events.
    """
    document = body["data"]["order"]
    address = {**document["shipping_address"], "lines": [f"{number:06d} Harbour Road"]}
    at = datetime.fromisoformat(document["placed_at"]) + timedelta(seconds=number)
    moment = at.isoformat(timespec="milliseconds")
    changed = {**document, "version": number + 1, "updated_at": moment, "shipping_address": address}
    event = {
        **body,
        "event_id": str(UUID(int=(UUID(body["event_id"]).int + number) % (1 << 128))),
        "event_type": "order.updated" if number else "order.placed",
        "occurred_at": moment,
        "data": {"order": changed},
    }
    headers = [("content-type", b"application/json"), ("x-event-type", event["event_type"].encode())]
    timestamp_ms = int(at.timestamp() * 1000)
    return RawRecord(TOPICS["web"], document["order_id"].encode(), orjson.dumps(event), headers, timestamp_ms)


def _with_payments(body: dict[str, Any], count: int) -> dict[str, Any]:
    """The same order after so many payments that failed, and the one that did not."""
    document = body["data"]["order"]
    succeeded = next(one for one in document["payments"] if one["status"] == "succeeded")
    failed: Iterable[dict[str, Any]] = (
        {**succeeded, "payment_id": f"{succeeded['payment_id']}-{number}", "status": "failed"}
        for number in range(count)
    )
    return {**body, "data": {"order": {**document, "payments": [*failed, succeeded]}}}
