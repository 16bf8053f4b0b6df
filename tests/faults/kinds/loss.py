"""Logs that lose what they had: a raw topic remade, raw events or journal rows gone, outputs without their tail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice

from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin import NewTopic

import audit
from ingest.kafka_admin import RAW_CONFIG, KafkaAdmin
from ingest.repair.trail import COMPACTED
from producers.journal_records import unpack
from producers.topics import CHANGES, FINDINGS, GUESTS, ORDERS, OUTPUT_TOPICS
from tests.faults import stream
from tests.faults.case import Case, Kind
from tests.faults.kafka_log import PartitionLog
from tests.faults.kinds.certainty import LostCertainty
from tests.faults.operator import admin, end_workers, ends
from tests.faults.stream import PARTITIONS
from tests.integration.deployment import RAW_TOPICS, header, wait_until
from tests.integration.records import Raw

REMADE = "the topic was deleted and made again"
OUTSIDE = "the position is outside the log"
REPLACED = "the log lost its end and has grown again"
GAP = "the journal has a gap"


class RawTopicRemade(LostCertainty):
    """Somebody deletes a raw topic and makes it again, while workers run or between two of them."""

    name = "raw topic deleted and recreated"
    cause = REMADE
    mode = "restart-topic"

    def lose(self, case: Case) -> None:
        case.wait_published()
        case.wait_decided(1)
        if case.chance.random() < 0.5:
            end_workers(case)
        self.topic = case.chance.choice(RAW_TOPICS)
        self.gone = sum(ends(case, [(self.topic, number) for number in range(PARTITIONS)]).values())
        with KafkaAdmin(case.deployment.endpoints.kafka_bootstrap_servers) as asking, admin(case) as client:
            client.delete_topics([self.topic])[self.topic].result()
            wait_until(lambda: not asking.existing([self.topic]), 20, "the topic is gone")
            made = client.create_topics([NewTopic(self.topic, PARTITIONS, 1, config=RAW_CONFIG)])
            made[self.topic].result()
        case.strike(f"{self.topic} remade")
        case.publish(replace(case.shape, count=150))

    def judge(self, case: Case, report: audit.Report) -> None:
        """Clean: outputs of the old topic explain themselves, and its events are gone with it."""
        case.others -= self.gone
        super().judge(case, report)


class RawStartGone(LostCertainty):
    """Retention removes raw events before they were read: workers were away for too long."""

    name = "raw events removed before they were read"
    cause = OUTSIDE
    mode = "skip-to-start"

    def lose(self, case: Case) -> None:
        end_workers(case)
        case.wait_published()
        positions = case.deployment.rows("SELECT topic, partition, next_offset FROM positions")
        high = ends(case, [(topic, number) for topic, number, _ in positions])
        unread = {(t, p): (n, high[t, p]) for t, p, n in positions if high[t, p] > n}
        chosen = case.chance.sample(sorted(unread), case.chance.randint(1, min(2, len(unread))))
        lows = {key: case.chance.randint(unread[key][0] + 1, unread[key][1]) for key in chosen}
        with admin(case) as client:
            asked = client.delete_records([TopicPartition(*key, low) for key, low in lows.items()])
            for future in asked.values():
                future.result()
        lost = sum(low - unread[key][0] for key, low in lows.items())
        case.others -= lost
        case.strike(f"{lost} unread events of {len(chosen)} partitions gone")


class RawEndReplaced(LostCertainty):
    """A raw log comes back without its end, as from a leader that knew less, and grows past where it was read.

    What it grows by are new events and lost ones that their channel sends again. Workers are away meanwhile, or hold
    the partition and are asleep.
    """

    name = "raw log without its end, grown again"
    cause = REPLACED
    mode = "continue-at-end"

    def lose(self, case: Case) -> None:
        case.wait_published()
        if frozen := case.chance.random() < 0.5:
            case.wait_decided(1)  # else what is under way decides how much is lost
            case.supervisor.freeze_all()
            case.tell("workers frozen")
        else:
            end_workers(case)
        positions = case.deployment.rows("SELECT topic, partition, next_offset FROM positions WHERE next_offset > 0")
        topic, number, position = case.chance.choice(sorted(positions))
        had = [one for one in case.deployment.read(topic)[topic] if one.partition() == number]
        end = self._cut(case, topic, number, position)
        lost = had[end:]
        self.decided = position - end
        unread = len(lost) - self.decided
        case.others -= unread
        grown = self._grown(case, lost, topic, number)
        case.deployment.publish(grown)
        case.others += len(grown)
        case.strike(
            f"{topic}/{number} lost {self.decided} decided, {len(lost) - self.decided} unread, got {len(grown)}"
        )
        case.publish(replace(case.shape, count=150))
        if frozen:
            case.supervisor.thaw_all()

    def _cut(self, case: Case, topic: str, number: int, position: int) -> int:
        """Cut the log somewhere before what was decided last; gives its end then."""
        kafka = case.lane.stack.kafka
        kafka.stop()
        log = PartitionLog(kafka.folder / "data", topic, number)
        batch = case.chance.choice([one for one in log.batches() if one.first_offset < position][-30:])
        log.cut(batch.begin)
        kafka.start()
        return batch.first_offset

    def _grown(self, case: Case, lost: Sequence[Message], topic: str, number: int) -> list[Raw]:
        """New events and some lost ones, in any order: as many as reach the position, and some more."""
        again = [_again(one) for one in lost if case.chance.random() < 0.5]
        wanted = max(self.decided - len(again), 0) + case.chance.randint(0, 20)
        news = (one for one in stream.events(case.chance, stream.Shape(600)) if one.topic == topic)
        grown = again + [replace(one, partition=number) for one in islice(news, wanted)]
        case.chance.shuffle(grown)
        return grown

    def judge(self, case: Case, report: audit.Report) -> None:
        """Clean: outputs of what was decided of the lost end explain themselves, and its events are gone."""
        case.others -= self.decided
        super().judge(case, report)


def _again(lost: Message) -> Raw:
    """A raw event as its channel publishes it once more."""
    topic, value, headers = lost.topic(), lost.value(), lost.headers() or []
    assert topic is not None
    return Raw(topic, value, lost.key(), list(headers), lost.timestamp()[1], lost.partition())


class JournalGap(LostCertainty):
    """Journal rows that are not published are gone: workers were away for longer than the journal is kept."""

    name = "journal older than its retention"
    cause = GAP
    mode = "accept-gap"

    def begin(self, case: Case) -> None:
        self.post = case.supervisor.add([f"kill:after-database-commit:{case.chance.randint(2, 4)}:0"])
        self.post.wanted = False

    def strike(self, case: Case) -> None:
        worker = self.post.worker
        assert worker is not None
        wait_until(lambda: worker.process.poll() is not None, 90, "the worker is killed")
        self.lost: Counter[str] = Counter()
        for (topic, partition), (_, metadata) in case.deployment.receipts().items():
            key = (topic, partition, int(metadata.removeprefix("ordergate:") or 0))
            where = "WHERE topic = %s AND partition = %s AND sequence > %s"
            for (packed,) in case.deployment.rows(f"DELETE FROM journal {where} RETURNING records", *key):
                for record in unpack(packed):
                    self.lost[dict(record.headers)["ordergate_cause"].decode()] += 1
        case.strike(f"the journal's rows with {self.lost.total()} unpublished outputs are gone")
        for _ in range(case.chance.randint(1, 2)):
            case.supervisor.add()

    def judge(self, case: Case, report: audit.Report) -> None:
        """The audit names every event whose output is lost, and nothing else."""
        judge_loss(self.lost, report)


def judge_loss(lost: Counter[str], report: audit.Report, forgettable: Collection[str] = ()) -> None:
    """Whether an audit names just these causes, with the versions that are lost with them.

    It may leave out the `forgettable`: compaction, too, would have taken what they caused.
    """
    named = {str(one.raw) for one in report.violations if one.kind is audit.Kind.OUTPUT_MISSING}
    told = f"lost: {sorted(lost)}; the audit names {sorted(named)}; may leave out {sorted(forgettable)}"
    assert set(lost) - set(forgettable) <= named <= set(lost), told
    others = set(report.counted) - {audit.Kind.OUTPUT_MISSING, audit.Kind.VERSION_MISSING}
    assert not others, f"nothing else is wrong, but the audit says {others}"
    gaps = report.counted.get(audit.Kind.VERSION_MISSING, 0)
    assert gaps <= lost.total(), f"{lost.total()} outputs are lost; the audit names {gaps} gaps between versions"


class OutputTailLost(Kind):
    """An output topic comes back without its tail, as after the loss of a disk: only the audit can see it."""

    name = "output topic with lost tail"

    def strike(self, case: Case) -> None:
        case.settle()
        end_workers(case)
        kafka = case.lane.stack.kafka
        before, versions = self._causes(case), self._versions(case)
        kafka.stop()
        logs = [
            PartitionLog(kafka.folder / "data", topic.name, number)
            for topic in (ORDERS, CHANGES, GUESTS, FINDINGS)
            for number in range(PARTITIONS)
        ]
        log = case.chance.choice([log for log in logs if len(log.batches()) >= 4])
        markers = [batch for batch in log.batches() if batch.is_marker]
        log.cut(case.chance.choice(markers[len(markers) // 2 :][:-1] or markers[:1]).end)
        kafka.start()
        self.lost = before - self._causes(case)
        # Where the newest version is lost, too, nobody can tell whether compaction had taken the older ones before.
        self.forgettable = {
            cause for (topic, _), causes in versions.items() for cause in causes[:-1] if topic in log.name
        }
        case.strike(f"{log.name} lost {self.lost.total()} outputs")

    @staticmethod
    def _causes(case: Case) -> Counter[str]:
        read = case.deployment.read(*(topic.name for topic in OUTPUT_TOPICS))
        return Counter(header(m, "ordergate_cause") for messages in read.values() for m in messages)

    @staticmethod
    def _versions(case: Case) -> dict[tuple[str, bytes | None], list[str]]:
        """The causes of all versions, in order, by compacted topic and key."""
        versions: dict[tuple[str, bytes | None], list[str]] = {}
        for topic, messages in case.deployment.read(*COMPACTED).items():
            for message in messages:
                versions.setdefault((topic, message.key()), []).append(header(message, "ordergate_cause"))
        return versions

    def judge(self, case: Case, report: audit.Report) -> None:
        """The audit names every event whose output is lost, and nothing else."""
        judge_loss(self.lost, report, self.forgettable)


KINDS: list[Kind] = [RawTopicRemade(), RawStartGone(), RawEndReplaced(), JournalGap(), OutputTailLost()]
