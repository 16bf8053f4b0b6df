"""The comparison beside peers is fair: the same work for all, the same yardstick, and a report that hides nothing."""

from __future__ import annotations

import io
import re
import time
from collections import Counter

import fastavro
import pytest

from bench.causes import cause_of
from bench.in_memory import InMemoryWorker, batches
from bench.peers.account import Account
from bench.peers.candidates import ALL, ORDERGATE, PEERS
from bench.peers.environments import requirements
from bench.peers.measuring import Kills, Latency, Throughput, figures, next_target
from bench.peers.orders import MOST_BYTES, orders
from bench.peers.report import markdown
from bench.peers.result import Measured, Result
from bench.peers.running import Sample
from bench.peers.work import SCHEMA, SCHEMA_TEXT, canonical_order
from ingest.clock import SystemTime
from ingest.worker.phases import Phases
from producers.topics import ORDERS
from schemas.catalogue import RECORD_TYPES
from schemas.definitions import self_contained
from schemas.json_document import decode
from schemas.registry import schema_text

CLEAN = Account(1000, 0, 0, 0, 0)
EVENTS = 400


def test_ordergate_has_one_order_for_each_event():
    """Nothing of the comparison is late, repeated or refused: what is missing in the output is lost."""
    records = [told.record for told in orders(EVENTS)]
    worker = InMemoryWorker(Phases(SystemTime()))
    published = Counter(
        cause_of(record.headers)
        for batch in batches(records, 100)
        for record in worker.take(batch, time.time_ns() // 1000)
        if record.topic == ORDERS.name
    )
    assert len(published) == EVENTS
    assert set(published.values()) == {1}


def test_an_order_has_5_kb():
    """The size that the result tells: neither toys nor novels."""
    sizes = [len(told.record.value) for told in orders(EVENTS)]
    assert 5_000 < sum(sizes) / EVENTS < 5_700
    assert max(sizes) <= MOST_BYTES


def test_what_a_peer_maps_fits_the_registered_schema():
    """A peer encodes the same canonical order, with the schema that is registered for it."""
    assert schema_text(self_contained(RECORD_TYPES["CanonicalOrder"])) == SCHEMA_TEXT
    parsed = fastavro.parse_schema(dict(SCHEMA))
    for told in orders(50):
        record = told.record
        order = canonical_order(decode(record.value), record.headers, record.timestamp_ms)
        fastavro.schemaless_writer(io.BytesIO(), parsed, order)
        assert order["source_order_id"] == record.key.decode()


@pytest.mark.parametrize("packages", sorted({one.packages for one in ALL if one.packages}))
def test_a_peers_packages_are_locked(packages):
    """A comparison can be repeated with the same versions, in order and each once."""
    lines = requirements(packages).read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line)] == []
    names = [line.partition("==")[0].lower().replace("-", "_") for line in lines]
    assert len(set(names)) == len(names)


def samples(*seen: tuple[float, int, float]) -> list[Sample]:
    return [Sample(at, committed, cpu, 10.0 + at) for at, committed, cpu in seen]


def test_a_run_counts_from_the_first_sight_of_progress():
    """Starting, joining the group and the first batch, which starts cold, are nobody's throughput."""
    rate, cpu_us, peak = figures(
        samples((0, 0, 0), (5, 0, 2), (6, 100, 3), (7, 600, 4), (8, 1100, 5), (9, 1100, 9)), 1100
    )
    assert rate == 500.0
    assert cpu_us == 2000.0
    assert peak == 19.0


def test_a_run_that_commits_once_tells_nothing():
    """Ten seconds of work that become visible at one moment are no infinite rate."""
    with pytest.raises(ValueError, match="two commits"):
        figures(samples((0, 0, 0), (5, 1000, 2)), 1000)


@pytest.mark.parametrize(
    ("committed", "kills_left", "drawn", "target"),
    [
        (0, 9, 0.5, 100),
        (0, 9, 0.0, 1),
        (0, 9, 1.0, 200),
        (900, 1, 1.0, 1000),
        (999, 5, 0.0, 1000),
        (1000, 3, 0.5, 1001),
        (1100, 3, 1.0, 1101),
    ],
)
def test_kills_are_spread_over_the_work_that_is_left(committed, kills_left, drawn, target):
    """Ten kills come while there is work, each after some progress, however fast a candidate is."""
    assert next_target(committed, 1000, kills_left, drawn) == target


def result(*measured: Measured) -> Result:
    return Result(
        "2026-01-02T03:04:05+00:00", "python -m bench.peers", {"cpu": "2 cores, quick"}, {"quixstreams": "1"},
        (0.1, 0.2),
        {"session_timeout_ms": 6000}, 1000, 5000.0, measured, {"map": 100.0}, {"Absent": "no such version\nmore words"},
    )  # fmt: skip


def run(rate: float, account: Account = CLEAN) -> Throughput:
    return Throughput(rate, 500.0, 100.0, {"map": 1.0}, account)


def measured(candidate, *rates: float, kills: Kills | None = None, failure: str = "") -> Measured:
    return Measured(candidate, [run(rate) for rate in rates], Latency(10, 5.0, 9.0, 20.0), kills, failure)


def test_ratios_are_taken_within_a_turn():
    """A slow hour slows both: the median of the turns' ratios is told, not the ratio of two medians."""
    found = result(measured(ORDERGATE, 100, 10, 40), measured(PEERS[0], 50, 20, 10))
    assert found.ratio(found.measured[1]) == 2.0
    assert "| 2.00 | yes |" in markdown(found)


def test_a_faster_peer_is_told():
    """The bar is not kept when it is not."""
    assert "| 0.50 | **no** |" in markdown(result(measured(ORDERGATE, 50), measured(PEERS[0], 100)))


def test_losses_and_doubles_are_told_for_everybody():
    """Whose output is wrong after kill -9 stands in the table, Ordergate's no less than a peer's."""
    lossy = Kills(10, 0, 0, 90.0, None, Account(1000, 3, 0, 0, 0))
    doubling = Kills(9, 2, 1, 80.0, 1.5, Account(1000, 0, 41, 0, 7))
    page = markdown(result(measured(ORDERGATE, 1, kills=lossy), measured(PEERS[1], 1, kills=doubling)))
    assert "| Ordergate | 10 | 3 | 0 | 0 | 90 | still |" in page
    assert "| 9 (+2 ends of its own) (+1 times hung) | 0 | 41 | 7 | 80 | 1.5 |" in page


def test_failures_and_absences_are_told():
    """A candidate that fails or cannot be installed is not just missing."""
    page = markdown(result(measured(ORDERGATE, 1), Measured(PEERS[1], [], None, None, "it ended\nwith a log")))
    assert "failed: it ended" in page
    assert "Absent did not take part: no such version" in page


def test_an_unclean_run_without_kills_is_told():
    """Losing or doubling without any fault would be worse still."""
    one = Measured(PEERS[0], [run(1, Account(1000, 1, 0, 0, 0))], None, None, "")
    assert "run 1 without any kill was not clean" in markdown(result(measured(ORDERGATE, 1), one))
