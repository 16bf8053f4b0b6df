"""Three Kafka nodes on this machine, each broker and controller, with everything kept on all three of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, ElectionType, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.local.downloads import user_cache
from deploy.local.kafka import Kafka, Profile, new_cluster_id
from deploy.local.ports import HOST, Ports
from ingest.kafka_wire import Api, Broker, Writer
from ingest.repair.hanging import OFFSETS_TOPIC, offsets_partition
from tests.integration.deployment import wait_until

NODES: Final = (1, 2, 3)
TRANSACTIONS_TOPIC: Final = "__transaction_state"
_SETTINGS: Final = {
    # Not `default.replication.factor`: it stays 1, as Kafka's own default is.
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
}
_ALTER_PARTITION_REASSIGNMENTS: Final = Api(45, 0, flexible=True)
_MOVED_WITHIN_S: Final = 30.0
_WHOLE_WITHIN_S: Final = 60.0

Key = tuple[str, int]


class Cluster:
    """The nodes of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = [Ports(folder / f"ports-{number}.json") for number in NODES]
        self._ports = dict(zip(NODES, ports, strict=True))
        self.nodes: dict[int, Kafka] = {}

    @property
    def servers(self) -> str:
        """The bootstrap servers, all three."""
        return ",".join(node.address() for node in self.nodes.values())

    def up(self) -> None:
        """Start the nodes with fresh data, and wait until all three serve."""
        self.folder.mkdir()
        for ports in self._ports.values():
            for name in Kafka.port_names:
                ports.settle(name)
        voters = ",".join(f"{n}@{HOST}:{ports.of('kafka-controller')}" for n, ports in self._ports.items())
        cluster_id = new_cluster_id()
        for number in NODES:
            settings = {**_SETTINGS, "node.id": str(number), "controller.quorum.voters": voters}
            self.nodes[number] = self._node(number, settings, cluster_id)
        at_once(node.start for node in self.nodes.values())
        self.wait_whole()

    def remove(self) -> None:
        """End the nodes and remove all of them; also of a session that was killed."""
        for number in NODES:
            self._node(number, {}, "").kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _node(self, number: int, settings: dict[str, str], cluster_id: str) -> Kafka:
        run_dir = self.folder / f"node-{number}"
        for name in ("logs", "pids"):
            (run_dir / name).mkdir(parents=True, exist_ok=True)
        return Kafka(run_dir, self._ports[number], user_cache(), Profile.ONE_OF_SEVERAL, settings, cluster_id)

    def log(self) -> str:
        """What all nodes have logged."""
        return "\n".join(node.log.read_text() for node in self.nodes.values())

    def leader(self, key: Key) -> int:
        """The node that leads a partition; -1 for none, or when nobody tells."""
        return self._partitions().get(key, (-1, [], []))[0]

    def leader_of_group(self, group_id: str) -> int:
        """The node that coordinates a consumer group."""
        return self.leader(self.group_partition(group_id))

    def group_partition(self, group_id: str) -> Key:
        """The partition of the offsets' topic whose leader coordinates a group."""
        return (OFFSETS_TOPIC, offsets_partition(group_id, self._count(OFFSETS_TOPIC)))

    def start_using(self, group_id: str) -> None:
        """Let a group commit something: Kafka's topic for that is made when it is needed first."""
        group = {"bootstrap.servers": self.servers, "group.id": group_id, "log_level": 0}
        consumer = Consumer(group)
        wait_until(lambda: _commits(consumer), _MOVED_WITHIN_S, f"{group_id} has committed")
        consumer.close()
        self.wait_whole()

    def transaction_partition(self, transactional_id: str) -> Key:
        """The partition of the transactions' topic whose leader coordinates a `transactional.id`."""
        # Kafka, TransactionStateManager.partitionFor: as for a group's id.
        return (TRANSACTIONS_TOPIC, offsets_partition(transactional_id, self._count(TRANSACTIONS_TOPIC)))

    def keys(self) -> list[Key]:
        """Every partition of the cluster."""
        return sorted(self._partitions())

    def wait_whole(self) -> None:
        """Wait until every partition is led, and in sync on all of its replicas, and all three nodes serve."""
        wait_until(self._is_whole, _WHOLE_WITHIN_S, "the cluster is whole", lambda: str(self._partitions()))

    def forget(self, topics: Iterable[str]) -> None:
        """Delete these topics, and wait until no node knows them: a broker may be behind the others for a moment."""
        unwanted = set(topics)
        with AdminClient({"bootstrap.servers": self.servers, "log_level": 0}) as client:
            wait(client.delete_topics(list(unwanted)).values())
        self._wait_each(lambda known: not unwanted & known, "has forgotten the topics")

    def wait_known(self, topics: Iterable[str]) -> None:
        """Wait until each node knows these topics: one that is just made is known to some of them first."""
        wanted = set(topics)
        self._wait_each(lambda known: wanted <= known, "knows the topics")

    def _wait_each(self, condition: Callable[[set[str]], bool], what: str) -> None:
        for node in self.nodes.values():
            wait_until(lambda node=node: condition(_known(node)), _MOVED_WITHIN_S, f"{node.address()} {what}")

    def move(self, key: Key, number: int, among: Iterable[int] = NODES) -> None:
        """Let another node of those that keep a partition lead it, none of them ending: as happens every day."""
        replicas = [number, *(one for one in among if one != number)]
        self.reassign(key, replicas)
        self._elect(key, ElectionType.PREFERRED)
        wait_until(lambda: self.leader(key) == number, _MOVED_WITHIN_S, f"{key} is led by {number}")

    def elect_unclean(self, key: Key, number: int) -> None:
        """Let a node lead a partition whatever it lacks, as soon as the controller misses the last leader."""

        def elected() -> bool:
            with suppress(AssertionError, KafkaException):
                self._elect(key, ElectionType.UNCLEAN)
            return self.leader(key) == number

        wait_until(elected, _MOVED_WITHIN_S, f"{key} is led by {number}")

    def reassign(self, key: Key, replicas: list[int]) -> None:
        """Keep a partition on these nodes, the preferred leader first."""
        body = Writer(_ALTER_PARTITION_REASSIGNMENTS).int32(30_000).array(1).string(key[0])
        body.array(1).int32(key[1]).array(len(replicas))
        for one in replicas:
            body.int32(one)
        body.end().end().end()
        wait_until(lambda: self._reassigned(body), _MOVED_WITHIN_S, f"{key} is reassigned to {replicas}")
        wait_until(lambda: self._partitions().get(key, (0, [], []))[1] == replicas, _MOVED_WITHIN_S, "it is done")

    def _reassigned(self, body: Writer) -> bool:
        answer = self._any().ask(_ALTER_PARTITION_REASSIGNMENTS, body)
        answer.int32()
        return answer.int16() == 0

    def _any(self) -> Broker:
        for node in self.nodes.values():
            with suppress(OSError):
                return Broker(HOST, node.port)
        raise AssertionError("no node answers")

    def _elect(self, key: Key, how: ElectionType) -> None:
        patience = {"socket.timeout.ms": 5000}  # for a controller that may be away
        with AdminClient({"bootstrap.servers": self.servers, "log_level": 0, **patience}) as client:
            answer = client.elect_leaders(how, [TopicPartition(*key)]).result()
        for error in answer.values():
            assert error is None or error.name() == "ELECTION_NOT_NEEDED", error

    def _count(self, topic: str) -> int:
        return sum(name == topic for name, _ in self._partitions())

    def _is_whole(self) -> bool:
        with AdminClient({"bootstrap.servers": self.servers, "log_level": 0}) as client:
            try:
                serving = set(client.list_topics(timeout=5).brokers)
            except KafkaException:
                return False
        state = self._partitions().values()
        return serving == set(NODES) and all(led > 0 and len(in_sync) == len(kept) for led, kept, in_sync in state)

    def _partitions(self) -> dict[Key, tuple[int, list[int], list[int]]]:
        """Leader, replicas and those in sync, of every partition; nothing when nobody tells."""
        with AdminClient({"bootstrap.servers": self.servers, "log_level": 0}) as client:
            try:
                topics = client.list_topics(timeout=5).topics
            except KafkaException:
                return {}
        return {
            (name, number): (one.leader, list(one.replicas), list(one.isrs))
            for name, topic in topics.items()
            for number, one in topic.partitions.items()
        }


def at_once(work: Iterable[Callable[[], None]]) -> None:
    """Do all of it side by side, to the end; raises what the first one raised."""
    with ThreadPoolExecutor(len(NODES)) as pool:
        for one in [pool.submit(each) for each in work]:
            one.result()


def _known(node: Kafka) -> set[str]:
    """The topics that a node knows."""
    metadata = Api(3, 4, flexible=False)
    with Broker(HOST, node.port) as broker:
        answer = broker.ask(metadata, Writer(metadata).int32(-1).int8(0))
    answer.int32()
    for _ in answer.array():
        answer.int32(), answer.string(), answer.int32(), answer.string()
    answer.string(), answer.int32()
    known = set()
    for _ in answer.array():
        error, name = answer.int16(), answer.string() or ""
        known |= {name} if error == 0 else set()
        answer.int8()
        for _ in answer.array():
            answer.int16(), answer.int32(), answer.int32()
            for _ in range(2):
                for _ in answer.array():
                    answer.int32()
    return known


def _commits(consumer: Consumer) -> bool:
    with suppress(KafkaException):
        consumer.commit(offsets=[TopicPartition("raw.web.orders.v1", 0, 0)], asynchronous=False)
        return True
    return False
