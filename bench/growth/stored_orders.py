"""Growth of the tables: the same events against more and more stored orders."""

from __future__ import annotations

from collections.abc import Sequence

from bench.deployment import OUTPUTS, RAW_TOPICS, Deployment
from bench.growth import lives
from bench.growth.filling import Filled, fill
from bench.growth.running import govern, line
from bench.growth.series import Point, Series, at_least, cpu_ratio, rate_ratio
from bench.load import publish
from deploy.local.report import Report
from ingest.assembly import retention_ranges
from ingest.demo.records import RawRecord

NAME = "orders"
LEAST_RATE = 0.8
NEW_PER_STORED = 1 / 16
"""Buyers that come new in a turn, for each stored order that changes: about a third of the events is theirs."""


def measure(deployment: Deployment, real: int, sizes: Sequence[int], turns: int, report: Report) -> Series:
    """The series. `real` orders are governed in each database; the first size is their number.

    Each turn changes every one of them once, in random order, so that changes fall evenly on all that is stored,
    among new buyers' events from the first step to the last parcel.
    """
    deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
    stored = lives.placed(lives.SEED, real)
    before = lives.mixed(lives.SEED, [life.before for life in stored])
    report(f"{NAME}: publishing the {len(before):,} events of {real:,} orders that are stored")
    publish(deployment.servers, before)
    urls: dict[int, str] = {}
    filled: dict[str, dict[str, Filled]] = {}
    for size in sizes:
        name = _name(size)
        urls[size] = deployment.fresh_database(name)
        govern(deployment, name, urls[size], len(before))
        filled[f"{size:,}"] = fill(urls[size], retention_ranges(deployment.settings()), size // real)
        report(f"{NAME}: {size:,} stored orders with all that belongs to them: {_gib(filled[f'{size:,}'])}")
    points = {size: Point(size, []) for size in sizes}
    for turn in range(turns):
        load = _load(stored, turn)
        publish(deployment.servers, load)
        # The other way round in every second turn: what the broker does meanwhile falls on all sizes alike.
        for size in sizes if turn % 2 == 0 else reversed(sizes):
            one = govern(deployment, _name(size), urls[size], len(load))
            points[size] = Point(size, [*points[size].runs, one])
            report(f"{NAME}: turn {turn + 1}, {size:,} stored: {line(one)}")
    first, last = points[sizes[0]], points[sizes[-1]]
    bar = at_least(
        f"events/s with {sizes[-1]:,} stored orders against {sizes[0]:,}", LEAST_RATE, rate_ratio(last, first)
    )
    return Series(
        NAME,
        "Stored orders",
        "orders stored (rows)",
        list(points.values()),
        [bar],
        [
            "Changes of stored orders fall evenly on all of them, once each in a turn: the worst case for every cache. "
            "In a real shop recent orders change most.",
            "About two thirds of the events change stored orders; the others are new buyers' from the first step of a "
            "checkout to the last parcel.",
            "Stored rows are copies of governed ones under other keys, as of a year: guests and sessions in the same "
            "number, event ids of 7 and outcomes of 30 days of such a year, in as many partitions.",
            f"CPU per event at the largest size against the smallest: {cpu_ratio(last, first):.2f}.",
        ],
        {"tables": {size: {t: [f.rows, f.bytes] for t, f in tables.items()} for size, tables in filled.items()}},
    )


def _load(stored: Sequence[lives.Life], turn: int) -> list[RawRecord]:
    """One change of each stored order that has so many, and the whole life of new buyers."""
    changes = [life.after[turn : turn + 1] for life in stored if len(life.after) > turn]
    count = round(len(changes) * NEW_PER_STORED)
    new = [(*life.before, *life.after) for life in lives.lives(lives.SEED + 1 + turn, count)]
    return lives.mixed(lives.SEED + turn, [*changes, *new])


def _name(size: int) -> str:
    return f"{NAME}-{size}"


def _gib(tables: dict[str, Filled]) -> str:
    return f"{sum(table.bytes for table in tables.values()) / 2**30:.2f} GiB"
