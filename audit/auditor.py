"""One audit of a running deployment: a fence is taken, everything below it is read and judged.

The fence is what is decided when the audit starts. The database comes first and Kafka second, as with the workers:
once the group's receipts show that everything below the fence is published, the ends of the output topics are taken,
and the topics are read up to there. So nothing that is under way meanwhile can look like a loss.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from audit import fence as fences
from audit.database import still_parked
from audit.doubts import Doubts
from audit.errors import NotAudited
from audit.examination import Examination
from audit.facts import Output
from audit.fence import Fence, Window
from audit.kafka import Kafka, Key
from audit.reading import OtherTopic, Reader
from audit.registry import Registry
from audit.remade import Remade
from audit.report import JudgedPartition, Report
from audit.standing import forgotten, misplaced, unpublished
from audit.topics import OutputTopics

_DOCUMENTED = OutputTopics()


def run(
    bootstrap_servers: str,
    schema_registry_url: str,
    *,
    raw_topics: Iterable[str],
    output_topics: OutputTopics = _DOCUMENTED,
    database_url: str | None = None,
    group_id: str | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    most: int = 100,
    patience_s: float = 60.0,
    folder: Path | None = None,
) -> Report:
    """Audit what was published for the events of `raw_topics`. It reads only: nothing is changed anywhere.

    With `database_url`, positions and outcomes are judged too; with `group_id`, the workers' consumer group, what
    it has committed. A system whose workers run is judged with both: without the group, what is decided and not
    published yet would look like a loss. `since_ms` and `until_ms` (milliseconds since the epoch, Kafka timestamps)
    choose raw events: in each partition from the first one at or after `since_ms` to before the first one at or after
    `until_ms`. The report keeps the first `most` violations and counts all. `patience_s` is the longest wait for what
    is decided to be published, and for a log that cannot be read to its end. Temporary files are made in
    `folder`, None: the system's own; memory is bounded.

    Raises NotAudited when Kafka, the registry or the database cannot be read.
    """
    started = time.monotonic()
    names = list(dict.fromkeys(raw_topics))
    window = Window(since_ms, until_ms)
    report = Report(most=most)
    with Kafka(bootstrap_servers, group_id, patience_s) as kafka:
        partitions = kafka.partitions()
        _require([*names, *(name for _, name in output_topics)], partitions)
        raw = [(name, number) for name in names for number in range(partitions[name])]
        reader = Reader(output_topics, names, Registry(schema_registry_url).schema, frozenset(partitions))
        with Examination(reader, output_topics, folder) as examination:
            if database_url is None:
                fence = fences.without_database(kafka, raw, window, group_id)
            else:
                fence = fences.with_database(kafka, raw, window, examination, database_url, group_id, patience_s)
            outputs, spans = fences.output_partitions(kafka, output_topics, partitions, fence.output_since_ms)
            report.add(examination.take_outputs(kafka.read(spans)))
            if kafka.removed:
                raise NotAudited(
                    "output records were removed while they were read",
                    known=f"retention moved the start of {', '.join(f'{t}/{p}' for t, p in kafka.removed)}",
                    do="audit again",
                )
            bounds = kafka.bounds(raw)
            raw_spans = {key: (max(fence.first[key], bounds[key][0]), fence.end[key]) for key in raw}
            examination.take_raw(kafka.read(raw_spans))
            scope, standings = fences.scope(fence, kafka.bounds(raw), outputs)
            report.add(misplaced(standings))
            if group_id is not None:
                report.add(unpublished(standings))
            if database_url is not None:
                report.add(forgotten(fence.before, fence.positions))
            doubts = Doubts(
                lambda events: still_parked(database_url, events) if database_url else set(),
                lambda place: kafka.has(place[:2], place.offset),
                lambda: _later(kafka, reader, output_topics.orders, spans),
            )
            remade = Remade(scope.former)
            report.add(doubts.ruled_out(remade.ruled_out(examination.violations(scope))))
            report.judged = [JudgedPartition(one.topic, one.partition, one.first, one.fence) for one in scope.raw]
            report.events = examination.events
            report.records = examination.records
            report.outcomes = examination.outcomes
            not_judged = examination.not_judged + doubts.explained + remade.explained
            report.not_judged = [
                *_not_asked(database_url, group_id),
                *_not_committed(fence, group_id),
                *(f"{count} {what}" for what, count in sorted(not_judged.items())),
            ]
    report.seconds = time.monotonic() - started
    return report


def _later(kafka: Kafka, reader: Reader, topic: str, spans: Mapping[Key, tuple[int, int]]) -> Iterator[Output]:
    """What has come to a topic behind the ends up to which it was read."""
    ends = {key: end for key, (_, end) in spans.items() if key[0] == topic}
    for record in kafka.read({key: (ends[key], high) for key, (_, high) in kafka.bounds(ends).items()}):
        with suppress(OtherTopic):
            output, _ = reader.output(record)
            if output is not None:
                yield output


def _require(topics: Iterable[str], partitions: Mapping[str, int]) -> None:
    missing = [name for name in topics if name not in partitions]
    if missing:
        raise NotAudited(
            f"topics are missing: {', '.join(missing)}",
            known=f"the cluster has {len(partitions)} topics", do="name the topics of this deployment",
        )  # fmt: skip


def _not_asked(database_url: str | None, group_id: str | None) -> Iterator[str]:
    """What nobody was asked for."""
    if database_url is None:
        yield (
            "no database was asked: whether each raw event has exactly one outcome, "
            "and whether it has all the outputs that its outcome says"
        )
    if group_id is None:
        yield "no group was asked: whether what is decided is published"


def _not_committed(fence: Fence, group_id: str | None) -> Iterator[str]:
    """Raw partitions of which nobody says that anything is decided."""
    told = {key for receipts in (fence.before, fence.after) for key, receipt in receipts.items() if receipt is not None}
    missing = sum(key not in told and key not in fence.positions for key in fence.first)
    if group_id is not None and missing:
        yield f"{missing} raw partitions: the group {group_id} has committed nothing there"
