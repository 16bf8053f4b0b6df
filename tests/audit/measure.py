"""How fast an audit judges, and in how much memory: on generated input, without a broker or a database.

`python -m tests.audit.measure 10000000` audits what so many raw events cause. Each event is a version of an
order, one in three a new order, with a 5 KB raw payload, real encoded outputs and an outcome; versions of one order are
far apart in all logs, so nothing profits from neighbours. The time that making the input takes is taken off.
"""

from __future__ import annotations

import argparse
import io
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from audit.examination import Examination
from audit.facts import LogRecord, Outcome, OutputPartition, Published, RawPartition, Scope
from audit.reading import CAUSE, IDENTITY, Reader, prefix_decoder
from audit.topics import Role
from tests.audit.healthy import DECIDED_MS, ROLES, START_MS, TOPICS, healthy, schema

RAW_TOPIC = "raw.web.orders.v1"
PARTITIONS = 12
VERSIONS = 3
RAW = b"{" + b" " * 5_000 + b"}"
KEYS = {Role.ORDERS: ("order_id", "canonical_version"), Role.CHANGES: ("order_id", "canonical_version"),
        Role.GUESTS: ("guest_id", "guest_version")}  # fmt: skip


class Template:
    """A real record whose key and version can be changed without encoding it anew."""

    def __init__(self, role: Role, size: int) -> None:
        self.role, self.topic = role, TOPICS[role]
        record = min(
            (one for one in healthy(1200).outputs if ROLES[one.topic] is role),
            key=lambda one: abs(len(one.value) - size),
        )
        self.headers = [header for header in record.headers if header[0] not in (CAUSE, IDENTITY)]
        schema_id = int.from_bytes(record.value[1:5], "big")
        ends = [5 + self._length(schema(schema_id), record.value[5:], name) for name in KEYS[role]]
        self.before, self.between, self.after = (
            record.value[: ends[0] - 36], record.value[ends[0] : ends[1] - 1], record.value[ends[1] :],
        )  # fmt: skip

    @staticmethod
    def _length(written: dict[str, Any], value: bytes, name: str) -> int:
        """How many bytes a record takes up to the end of a field."""
        stream = io.BytesIO(value)
        prefix_decoder(written, [name])(stream)
        return stream.tell()

    def record(self, partition: int, offset: int, key: bytes, version: int, cause: bytes) -> LogRecord:
        value = b"%b%b%b%c%b" % (self.before, key, self.between, version * 2, self.after)
        headers = [*self.headers, (IDENTITY, b"%b/%d/%d" % (key, version, self.role)), (CAUSE, cause)]
        return LogRecord(self.topic, partition, offset, DECIDED_MS, key, value, headers)


class Input:
    """Everything that `events` raw events cause: an order's record and its change, and every third a guest's."""

    def __init__(self, events: int) -> None:
        self.events = events
        self.orders = max(events // VERSIONS, 1)
        self.templates = [Template(Role.ORDERS, 5_000), Template(Role.CHANGES, 1_000), Template(Role.GUESTS, 600)]

    def raw(self) -> Iterator[LogRecord]:
        headers = [("event-id", b"0" * 36)]
        for partition in range(PARTITIONS):
            for offset, _ in enumerate(range(partition, self.events, PARTITIONS)):
                yield LogRecord(RAW_TOPIC, partition, offset, START_MS, b"1" * 20, RAW, headers)

    def outputs(self) -> Iterator[LogRecord]:
        for template in self.templates:
            for partition in range(PARTITIONS):
                versions = 1 if template.role is Role.GUESTS else VERSIONS + 1
                for offset, event in enumerate(self._events(partition, versions)):
                    order, version = event % self.orders, event // self.orders + 1
                    half = b"%016x" % order
                    key = b"-".join((half[:8], half[8:12], half[12:], half[:4], half[4:]))
                    cause = b"%b/%d/%d" % (RAW_TOPIC.encode(), event % PARTITIONS, event // PARTITIONS)
                    yield template.record(partition, offset, key, version, cause)

    def _events(self, partition: int, versions: int) -> Iterator[int]:
        """The events of the first versions of the orders whose outputs are in a partition."""
        for version in range(versions):
            start = version * self.orders
            yield from range(start + partition, min(start + self.orders, self.events), PARTITIONS)

    def outcomes(self) -> Iterator[Outcome]:
        for event in range(self.events):
            order, version = event % self.orders, event // self.orders + 1
            yield Outcome(
                RAW_TOPIC, event % PARTITIONS, event // PARTITIONS, "GOVERNED", order.to_bytes(8, "big") * 2, version,
                3 if version == 1 else 2, DECIDED_MS,
            )  # fmt: skip

    def scope(self) -> Scope:
        ends = [len(range(partition, self.events, PARTITIONS)) for partition in range(PARTITIONS)]
        raw = tuple(RawPartition(RAW_TOPIC, n, 0, end, 0, end, end) for n, end in enumerate(ends))
        outputs = tuple(OutputPartition(role, n, 0, whole=True) for role in Role for n in range(PARTITIONS))
        return Scope(raw, outputs, frozenset({Role.ORDERS}), Published.ALL, 0)


class Making:
    """Counts what is made, and the CPU seconds that making it takes."""

    def __init__(self) -> None:
        self.records = 0
        self.seconds = 0.0

    def of(self, made: Iterator[Any]) -> Iterator[Any]:
        while True:
            began = time.process_time()
            some = list(islice(made, 1_000))
            self.seconds += time.process_time() - began
            self.records += len(some)
            if not some:
                return
            yield from some


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.audit.measure", description=__doc__.splitlines()[0])
    parser.add_argument("events", type=int)
    given, making = Input(parser.parse_args().events), Making()
    began, wall = time.process_time(), time.monotonic()
    with Examination(Reader(TOPICS, [RAW_TOPIC], schema), TOPICS) as examination:
        found = list(examination.take_outputs(making.of(given.outputs())))
        examination.take_raw(making.of(given.raw()))
        examination.take_outcomes(making.of(given.outcomes()))
        found += examination.violations(given.scope())
    took = time.process_time() - began - making.seconds
    assert not found, found[:3]
    assert examination.events == given.events
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{given.events:,} raw events, {making.records:,} records and outcomes: {took:.0f} s of CPU "
        f"({making.records / took:,.0f} a second), {memory:,.0f} MiB at most; making the input {making.seconds:.0f} s, "
        f"all of it {time.monotonic() - wall:.0f} s by the clock\n"
    )


if __name__ == "__main__":
    main()
