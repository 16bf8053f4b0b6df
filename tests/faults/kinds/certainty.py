"""Certainty is lost: a partition halts with its cause, `ordergate recover` repairs it, and the audit is clean."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.faults.case import TORN, UNSTABLE, Case, Kind
from tests.faults.kafka_log import PartitionLog
from tests.faults.operator import admin, end_workers, recover
from tests.integration.deployment import wait_until

GONE = "the group's committed offset is gone"
MOVED = "somebody else has moved the group's offset"
BEHIND = "PostgreSQL is behind Kafka"
NEW = "the database is new and the output topics are not"


class LostCertainty(Kind):
    """What all of them have in common: some of the stream is decided, then something happens to the deployment."""

    cause: str
    mode: str | None = None
    """What a person has to decide, as `ordergate recover --mode` takes it."""

    def __init__(self) -> None:
        self.expected = frozenset({self.cause})

    def strike(self, case: Case) -> None:
        case.wait_decided(case.chance.uniform(0.2, 0.6))
        self.lose(case)
        for _ in range(case.chance.randint(1, 2)):
            case.supervisor.add()

    def lose(self, case: Case) -> None:
        """End all workers and take certainty away."""
        raise NotImplementedError

    def repair(self, case: Case, halted: dict[tuple[str, int], str]) -> None:
        recover(case, halted, self.mode)


class OffsetsDeleted(LostCertainty):
    """Somebody deletes the consumer group."""

    name = "committed offsets deleted"
    cause = GONE

    def lose(self, case: Case) -> None:
        end_workers(case)
        with admin(case) as client:
            client.delete_consumer_groups([case.deployment.group_id])[case.deployment.group_id].result()
        case.strike("the group is deleted")


class OffsetsMoved(LostCertainty):
    """Somebody resets the group's offsets."""

    cause = MOVED

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.name = f"committed offsets reset {where}"

    def lose(self, case: Case) -> None:
        end_workers(case)
        begun = [one for one in sorted(case.deployment.receipts().items()) if one[1][0] > 0]
        chosen = case.chance.sample(begun, min(case.chance.randint(1, 3), len(begun)))
        sign = -1 if self.where == "backward" else 1
        moved = [
            TopicPartition(*key, max(offset + sign * case.chance.randint(1, 30), 0)) for key, (offset, _) in chosen
        ]
        servers = case.deployment.endpoints.kafka_bootstrap_servers
        meddler = Consumer({"bootstrap.servers": servers, "group.id": case.deployment.group_id})
        meddler.commit(offsets=moved, asynchronous=False)
        meddler.close()
        case.strike(f"{len(moved)} partitions moved")


class DatabaseRestored(LostCertainty):
    """PostgreSQL is restored to a base backup taken while the stream was under way."""

    name = "PostgreSQL restored to an older backup"
    cause = BEHIND
    mode = "rebuild"

    def arrange(self, case: Case) -> None:
        choose_patience(case)

    def begin(self, case: Case) -> None:
        super().begin(case)
        case.wait_decided(case.chance.uniform(0.02, 0.2))
        postgres = case.lane.stack.postgres
        self.data = postgres.folder.resolve() / "data"
        self.backup = self.data.with_name("backup")
        postgres.stop()
        shutil.rmtree(self.backup, ignore_errors=True)
        _copy(self.data, self.backup)
        postgres.start()

    def lose(self, case: Case) -> None:
        if case.chance.random() < 0.5:
            end_workers(case)
        postgres = case.lane.stack.postgres
        postgres.stop()
        shutil.rmtree(self.data)
        self.backup.rename(self.data)
        postgres.start()
        case.strike("restored")


def choose_patience(case: Case) -> None:
    """How long early refunds wait for their orders: with little of it, some give up before their orders come."""
    patience = case.chance.choice(("PT15M", "PT1S", "PT0.2S"))
    case.deployment.settings["ORDERGATE_PARK_DEADLINE"] = patience
    case.tell(f"patience {patience}")


def _copy(source: Path, target: Path) -> None:
    """With its owner, which may be another account."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


class DatabaseForgotten(LostCertainty):
    """Workers come back with an empty database, and nothing tells what their group has published.

    An address is wrong; or the database is lost, and the group was deleted, or its offsets expired.
    """

    name = "PostgreSQL new before outputs that hold records"
    cause = NEW
    mode = "rebuild"

    def arrange(self, case: Case) -> None:
        choose_patience(case)

    def lose(self, case: Case) -> None:
        end_workers(case)
        deployment = case.deployment
        deployment.database_url = case.open(case.lane.another_database(f"{deployment.group_id}_anew"))
        if case.chance.random() < 0.5:
            deployment.group_id += "-anew"
            case.strike("an empty database, another group")
        else:
            with admin(case) as client:
                client.delete_consumer_groups([deployment.group_id])[deployment.group_id].result()
            case.strike("an empty database, the group is deleted")


class Torn(LostCertainty):
    """A transaction whose decision is recorded, but whose marker never reached the committed offsets.

    The file has what a broker leaves behind that was killed between the two: everything but the marker.
    """

    cause = UNSTABLE

    def __init__(self, decision: str) -> None:
        super().__init__()
        self.decision = decision
        self.name = f"torn transaction, decided to {decision}"
        self.point = "after-commit" if decision == "commit" else "between-send-offsets-and-commit"

    def begin(self, case: Case) -> None:
        self.post = case.supervisor.add([f"kill:{self.point}:{case.chance.randint(3, 8)}:0"])
        self.post.wanted = False

    def strike(self, case: Case) -> None:
        worker = self.post.worker
        assert worker is not None
        wait_until(lambda: worker.process.poll() is not None, 90, "the worker is killed")
        if self.decision == "commit":
            case.pause(0.3, 0.5)
        else:
            wait_until(lambda: _is_stable(case), 20, "the coordinator has aborted")
        kafka = case.lane.stack.kafka
        kafka.stop()
        log = _offsets_log(kafka.folder / "data", case.deployment.group_id)
        marker = max(batch.begin for batch in log.batches() if batch.is_marker)
        log.cut(marker)
        kafka.start()
        case.strike("a marker is gone")
        for _ in range(case.chance.randint(1, 2)):
            case.supervisor.add()


def _is_stable(case: Case) -> bool:
    try:
        case.deployment.receipts(2)
    except KafkaException:
        return False
    return True


def _offsets_log(data: Path, group: str) -> PartitionLog:
    """The log of the group's committed offsets: the partition is the group's hash, as Java makes it."""
    number = 0
    for letter in group:
        number = (31 * number + ord(letter)) & 0xFFFFFFFF
    signed = number - (1 << 32) if number >> 31 else number
    return PartitionLog(data, "__consumer_offsets", abs(signed) % 4)


class KilledWhileCommitting(Kind):
    """The broker is killed again and again while commits are decided, until it skips markers, or six times."""

    name = "broker killed while commits are decided"
    expected = TORN
    _TRIES = 6

    def arrange(self, case: Case) -> None:
        # Many small transactions: at most moments, one is being committed.
        case.deployment.settings["ORDERGATE_BATCH_SIZE"] = "2"

    def strike(self, case: Case) -> None:
        kafka = case.lane.stack.kafka
        before = skipped_markers(case)
        for _ in range(self._TRIES):
            case.wait_decided(0.05)
            case.pause(0, 0.5)
            kafka.kill()
            kafka.start()
            skipped = skipped_markers(case) - before
            case.strike(f"broker killed, {skipped} markers skipped so far")
            if skipped:
                return

    def repair(self, case: Case, halted: dict[tuple[str, int], str]) -> None:
        recover(case, halted, None)


def skipped_markers(case: Case) -> int:
    """How often the coordinator declared a transaction complete without writing all of its markers."""
    log = case.lane.stack.kafka.log.read_text(errors="replace")
    return len(re.findall("likely deleted already and hence can be skipped", log))


KINDS: list[Kind] = [
    OffsetsDeleted(),
    OffsetsMoved("backward"),
    OffsetsMoved("forward"),
    DatabaseRestored(),
    DatabaseForgotten(),
    Torn("commit"),
    Torn("abort"),
    KilledWhileCommitting(),
]
