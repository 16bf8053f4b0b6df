"""The measurements: throughput in turns, latency, and what is left of the output after kill -9."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from bench import measuring
from bench.causes import Cause
from bench.deployment import OUTPUTS, RAW_TOPICS
from bench.figures import percentile
from bench.load import pace, publish
from bench.peers.account import Account, account
from bench.peers.candidates import Candidate
from bench.peers.orders import RAW, orders
from bench.peers.reading import causes, keys_by_position, wait_until_visible
from bench.peers.running import Running, Sample, Stalled, Starter
from bench.peers.work import SCHEMA_TEXT, SERIALIZER_SETTINGS, canonical_order
from deploy.local.report import Report
from ingest.demo.records import RawRecord
from producers.topics import ORDERS
from schemas.codec import Codec
from schemas.json_document import decode
from schemas.registry import resolve_ids
from schemas.types import CanonicalOrder

_PATIENCE_S = 120.0
_WARM_UP_S = 8.0
_SETTLE_S = 3.0
_FIRST = 50
"""Orders that show that a candidate is at work, before its latency is measured."""
_MOST_OWN_EXITS = 20
HUNG_S = 60.0
"""A supervised process that commits nothing for so long is ended, as a liveness probe would."""
_MOST_HUNG = 3
_BATCH = 1000
"""Events of a batch, as Ordergate, FastStream and the loops by hand are set."""
_PARTS_EVENTS = 2_000
_LEFT_FOR_THE_LAST_KILL = 4 * _BATCH
_SEED = 4


@dataclass(frozen=True, slots=True)
class Throughput:
    """One run over all events, from the first committed batch on."""

    events_per_second: float
    cpu_us: float
    """CPU of the process per event, all threads, microseconds. The broker's and PostgreSQL's own are not in it."""
    peak_mib: float
    phases_us: Mapping[str, float]
    """Ordergate's CPU by phase; empty for peers."""
    account: Account


@dataclass(frozen=True, slots=True)
class Latency:
    """From raw append to visible for a read-committed consumer, milliseconds."""

    events: int
    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Kills:
    """What became of the events of a run in which the process was killed again and again."""

    kills: int
    """Those that came while there was work left."""
    own_exits: int
    """Times that the process ended by itself."""
    hung: int
    """Times that it committed nothing for so long that its supervisor ended it."""
    seconds: float
    """From the first start until everything was committed."""
    hidden_seconds: float | None
    """After that, until no open transaction hid anything any more; None: still hidden at the end."""
    account: Account


def publish_orders(starter: Starter, events: int, report: Report) -> dict[Cause, bytes]:
    """Fresh topics with the raw events of all runs; gives each one's key by its position."""
    report(f"publishing {events:,} orders")
    starter.deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
    publish(starter.deployment.servers, (told.record for told in orders(events)))
    return keys_by_position(starter.deployment.servers, RAW)


def throughput(starter: Starter, candidate: Candidate, raw: Mapping[Cause, bytes], name: str) -> Throughput:
    """One candidate over all events, alone; `name` tells this run from others. Raises Stalled."""
    starter.deployment.fresh_topics(OUTPUTS)
    with starter.running(candidate, f"{candidate.name}-{name}", {}) as one:
        samples = one.watch(len(raw), _PATIENCE_S)
        one.stop()
        phases = _phases(one)
    return Throughput(
        *figures(samples, len(raw)), phases, account(raw, causes(starter.deployment.servers, ORDERS.name))
    )


def figures(samples: Sequence[Sample], events: int) -> tuple[float, float, float]:
    """Events/s, CPU per event in µs, peak memory in MiB: from the first sight of progress to the end.

    Raises ValueError when everything was committed at once: then the run was too short to tell.
    """
    last = next(sample for sample in samples if sample.committed >= events)
    first = next(sample for sample in samples if sample.committed > 0)
    done = last.committed - first.committed
    if done <= 0:
        raise ValueError("a run needs two commits or more; give it more events")
    peak = max(sample.peak_mib for sample in samples)
    return done / (last.at - first.at), (last.cpu - first.cpu) / done * 1e6, peak


def latency(starter: Starter, candidate: Candidate, rate: float, seconds: float) -> Latency:
    """One candidate at a moderate rate, watched by another process."""
    deployment = starter.deployment
    deployment.fresh_topics(RAW_TOPICS, OUTPUTS)
    events = int(rate * (_WARM_UP_S + seconds))
    coming = orders(_FIRST + events)
    publish(deployment.servers, [told.record for told in islice(coming, _FIRST)])
    with starter.running(candidate, f"{candidate.name}-latency", candidate.latency_options) as one:
        one.watch(_FIRST, _PATIENCE_S)
        arguments = ("--servers", deployment.servers, "--topic", ORDERS.name)
        reader = deployment.start("visible", f"visible-{candidate.name}", *arguments)
        reader.wait_ready()
        sent = pace(deployment.servers, list(coming), rate)
        one.watch(_FIRST + events, _PATIENCE_S)
        time.sleep(_SETTLE_S)
        waits = measuring.waits_ms(sent, reader.stop(), sent[0].at + int(_WARM_UP_S * 1e9))
    return Latency(len(waits), percentile(waits, 0.5), percentile(waits, 0.99), max(waits))


def killed(starter: Starter, candidate: Candidate, raw: Mapping[Cause, bytes], kills: int, rate: float) -> Kills:
    """kill -9 so many times, at moments that nobody chose; a supervisor starts it again each time.

    The kills are spread over the work. After each start it is left alone until it has committed a random share of what
    is left, and then for as long as a batch takes at its `rate` of events/s, or less: so a kill may hit any step.
    """
    deployment = starter.deployment
    deployment.fresh_topics(OUTPUTS)
    group = f"{candidate.name}-killed"
    database_url = "" if candidate.module else deployment.fresh_database(group.replace("-", "_"))
    supervised = _Supervised(starter, candidate, group, database_url)
    chance = Random(_SEED)  # noqa: S311 -- the same moments for every candidate
    started = time.monotonic()
    done = 0
    while done < kills:
        committed = supervised.running.committed()
        supervised.wait_for(next_target(committed, len(raw) - _LEFT_FOR_THE_LAST_KILL, kills - done, chance.random()))
        time.sleep(chance.random() * _BATCH / rate)
        if supervised.running.committed() >= len(raw):
            break
        supervised.kill()
        done += 1
    supervised.wait_for(len(raw))
    seconds = time.monotonic() - started
    hidden = wait_until_visible(deployment.servers, ORDERS.name, _PATIENCE_S)
    supervised.running.stop()
    found = account(raw, causes(deployment.servers, ORDERS.name))
    return Kills(done, supervised.own_exits, supervised.hung, seconds, hidden, found)


def next_target(committed: int, latest: int, kills_left: int, drawn: float) -> int:
    """How many events are to be committed before the next kill: one more at least, and enough left for the others.

    `latest`: where the last kill is to come at the latest; `drawn` is from 0 to 1. On average the work left until then
    is shared out evenly.
    """
    share = (latest - committed) / (kills_left + 1)
    return committed + max(int(2 * drawn * share), 1)


class _Supervised:
    """A candidate that is started again whenever it has ended."""

    def __init__(self, starter: Starter, candidate: Candidate, group: str, database_url: str) -> None:
        self._starter, self._candidate, self._group, self._database_url = starter, candidate, group, database_url
        self.own_exits = self.hung = 0
        self.running = self._start()

    def kill(self) -> None:
        """kill -9, and a new process."""
        self.running.kill()
        self.running = self._start()

    def wait_for(self, events: int) -> None:
        """Wait until so many events are committed, whatever happens to the process. Raises Stalled."""
        moved, seen = time.monotonic(), -1
        while seen < events:
            if self.running.process.poll() is not None:
                self.own_exits += 1
                if self.own_exits > _MOST_OWN_EXITS:
                    raise Stalled(f"it ends again and again; {self.running.last_words()}")
                self.running = self._start()
            committed = self.running.committed()
            if committed > seen:
                moved, seen = time.monotonic(), committed
            elif time.monotonic() - moved > HUNG_S:
                self.hung += 1
                if self.hung > _MOST_HUNG:
                    raise Stalled(f"again and again it commits nothing for {HUNG_S:.0f} s; {self.running.last_words()}")
                self.kill()
                moved = time.monotonic()
            time.sleep(0.05)

    def _start(self) -> Running:
        return self._starter.start(self._candidate, self._group, {}, self._database_url)


def parts(starter: Starter) -> dict[str, float]:
    """CPU in µs per event of what every candidate has to do, by itself in this process."""
    registry = starter.deployment.endpoints.schema_registry_url
    records = [told.record for told in orders(_PARTS_EVENTS)]
    serialise = AvroSerializer(SchemaRegistryClient({"url": registry}), SCHEMA_TEXT, conf=SERIALIZER_SETTINGS)
    context = SerializationContext(ORDERS.name, MessageField.VALUE)
    codec = Codec(resolve_ids(registry))
    mapped = [_mapped(record) for record in records]
    serialise(mapped[0], context)
    clock = time.process_time
    started = clock()
    for record in records:
        _mapped(record)
    ended_mapping = clock()
    for order in mapped:
        serialise(order, context)
    ended_serialising = clock()
    for order in mapped:
        codec.encode("CanonicalOrder", order)
    ended = clock()
    per_event = 1e6 / len(records)
    return {
        "decode and map (pydantic)": (ended_mapping - started) * per_event,
        "AvroSerializer of confluent-kafka": (ended_serialising - ended_mapping) * per_event,
        "Ordergate's own Avro encoder": (ended - ended_serialising) * per_event,
    }


def _mapped(record: RawRecord) -> CanonicalOrder:
    return canonical_order(decode(record.value), record.headers, record.timestamp_ms)


def _phases(one: Running) -> dict[str, float]:
    """Ordergate's CPU per event by phase, without its first batch."""
    if one.result is None:
        return {}
    return dict(measuring.throughput(json.loads(one.result.read_text())["batches"]).phases_us)
