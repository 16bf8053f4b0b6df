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
RUNS_IN_TURN = 3
"""Short runs, so that those of two sizes lie close together: a shared machine's speed drifts within a minute."""
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
        for number, load in enumerate(_parts(_load(stored, turn), RUNS_IN_TURN)):
            publish(deployment.servers, load)
            # The other way round in every second run: what the broker does meanwhile falls on all sizes alike.
            for size in sizes if (turn + number) % 2 == 0 else reversed(sizes):
                one = govern(deployment, _name(size), urls[size], len(load))
                points[size] = Point(size, [*points[size].runs, one])
                report(f"{NAME}: turn {turn + 1}, run {number + 1}, {size:,} stored: {line(one)}")
    first, last = points[sizes[0]], points[sizes[-1]]
    by_run = (one.events_per_second / other.events_per_second for one, other in zip(last.runs, first.runs, strict=True))
    told = ", ".join(f"{ratio:.2f}" for ratio in by_run)
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
            f"events/s at the largest size against the smallest, run by run: {told}. In the first {RUNS_IN_TURN} of "
            "them every stored order is changed for the first time.",
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


def _parts(load: Sequence[RawRecord], count: int) -> list[Sequence[RawRecord]]:
    """The same events in their order, in so many parts."""
    return [load[len(load) * number // count : len(load) * (number + 1) // count] for number in range(count)]


def _name(size: int) -> str:
    return f"{NAME}-{size}"


def _gib(tables: dict[str, Filled]) -> str:
    return f"{sum(table.bytes for table in tables.values()) / 2**30:.2f} GiB"
