"""Growth of the group: the same events for one worker, and for more of them at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from bench.deployment import OUTPUTS, PARTITIONS, RAW_TOPICS, Deployment
from bench.growth.cost import cost
from bench.growth.running import line, together
from bench.growth.series import Point, Series, cpu_ratio, rate_ratio
from bench.load import fresh_records, publish
from deploy.local.report import Report

NAME = "workers"


def measure(deployment: Deployment, events: int, counts: Sequence[int], turns: int, report: Report) -> Series:
    """The series over the demo stream: each turn every number of workers reads the same raw topics."""
    deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
    publish(deployment.servers, fresh_records(events))
    points = {count: Point(count, []) for count in counts}
    for turn in range(turns):
        for count in counts if turn % 2 == 0 else reversed(counts):
            name = f"{NAME}-{count}-{turn}"
            batches, samples = together(deployment, name, count, deployment.fresh_database(name), events)
            one = cost(batches, samples)
            points[count] = Point(count, [*points[count].runs, one])
            report(f"{NAME}: turn {turn + 1}, {count} at work: {line(one)}")
    first, last = points[counts[0]], points[counts[-1]]
    return Series(
        NAME,
        "Workers",
        "workers in the group",
        list(points.values()),
        notes=[
            f"{events:,} events of web and Shopify in {PARTITIONS} partitions each; figures are of the time in which "
            "all workers were at work.",
            "**Broker, PostgreSQL and workers share the cores of this machine**: where one worker and what it needs "
            "keep them busy, another cannot add much. It shows that workers do not stand in each other's way, and "
            "not how far they scale.",
            f"{counts[-1]} workers against {counts[0]}: {rate_ratio(last, first):.2f} times the events/s at "
            f"{cpu_ratio(last, first):.2f} times the CPU per event.",
        ],
        logarithmic=False,
    )
