"""Growth of the raw topic: the same events in more and more partitions, all of them one worker's."""

from __future__ import annotations

from collections.abc import Sequence

from bench.deployment import OUTPUTS, RAW_TOPICS, Deployment
from bench.growth import lives
from bench.growth.running import govern, line
from bench.growth.series import Point, Series, cpu_ratio
from bench.load import publish
from deploy.local.report import Report
from ingest.demo.stream import TOPICS
from ingest.settings import PREFIX

NAME = "partitions"


def measure(deployment: Deployment, buyers: int, counts: Sequence[int], turns: int, report: Report) -> Series:
    """The series: the events of so many buyers on the web, by number of partitions of their topic."""
    stories = [(*life.before, *life.after) for life in lives.lives(lives.SEED, buyers)]
    web = [record for record in lives.mixed(lives.SEED, stories) if record.topic == TOPICS["web"]]
    points = {count: Point(count, []) for count in counts}
    for turn in range(turns):
        for count in counts if turn % 2 == 0 else reversed(counts):
            deployment.fresh_topics(RAW_TOPICS, OUTPUTS, raw_partitions=count)
            publish(deployment.servers, web)
            name = f"{NAME}-{count}-{turn}"
            url = deployment.fresh_database(name)
            one = govern(deployment, name, url, len(web), {f"{PREFIX}CHANNELS": "web"})
            points[count] = Point(count, [*points[count].runs, one])
            report(f"{NAME}: turn {turn + 1}, {count} partitions: {line(one)}")
    first, last = points[counts[0]], points[counts[-1]]
    return Series(
        NAME,
        "Partitions of one worker",
        "partitions of the raw topic",
        list(points.values()),
        notes=[
            f"{len(web):,} events of one channel; every batch has a journal row and a position per partition in it.",
            "In one partition no event waits for another partition's output, in several some do.",
            f"CPU per event with {counts[-1]} partitions against {counts[0]}: {cpu_ratio(last, first):.2f}.",
        ],
    )
