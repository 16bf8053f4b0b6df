"""Faults that come at a time of their own: restarts, rebalances, fail-overs, what operators and brokers lose."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ingest.errors import Cause, PartitionHalted
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.broker import TopicPartitionKey
from tests.simulation.deployment import Deployment
from tests.simulation.events import arrivals


class Faults:
    """Plans them, lets them happen, and knows which halts they justify."""

    def __init__(self, deployment: Deployment, auditor: Auditor, random: Random) -> None:
        self._deployment = deployment
        self._auditor = auditor
        self._random = random
        self._calm = False
        self._recreated: dict[TopicPartitionKey, str] = {}
        self._shortened: dict[TopicPartitionKey, bool] = {}
        """Whether anything was decided of what the log lost."""
        self.complete = True
        """Whether all that is decided can be seen in the end."""
        climate = deployment.weather.climate
        plans: list[tuple[int, Callable[[], None]]] = [
            (climate.rebalances, self._rebalance),
            (climate.broker_restarts, self._restart_broker),
            (climate.database_restarts, self._restart_database),
            (climate.fail_overs, self._fail_over),
            (climate.lost_offsets, self._lose_offset),
            (climate.moved_offsets, self._move_offset),
            (climate.recreated_topics, self._recreate_topic),
            (climate.shortened_logs, self._shorten_log),
            (climate.torn_transactions, self._tear),
        ]
        for times, fault in plans:
            for _ in range(times):
                deployment.world.at(random.uniform(1, climate.calm_at), fault)
        deployment.world.at(0.5, self._look_after_processes)

    def stop(self) -> None:
        """No more faults; what has ended is started again."""
        self._calm = True
        if self._deployment.weather.climate.probes:
            for number, key in enumerate(self._deployment.keys):
                for event in arrivals(Random(number), [key], 2, 1.0):
                    self._deployment.broker.append_raw(key, event.record)

    # --- the verdict

    @property
    def justified(self) -> dict[TopicPartitionKey, PartitionHalted]:
        """The halted partitions that have a cause in this schedule."""
        return {key: halt for key, halt in self._deployment.halted().items() if self._justifies(key, halt)}

    def sound_keys(self) -> list[TopicPartitionKey]:
        """Partitions that have to be settled: neither halted nor waiting for one that is, or that is torn."""
        stopped = set(self._deployment.halted()) | set(self._deployment.broker.torn())
        blocked = self._deployment.blocked()
        while more := {key for key, waits_for in blocked.items() if waits_for in stopped and key not in stopped}:
            stopped |= more
        return [key for key in self._deployment.keys if key not in stopped]

    def settled(self, auditor: Auditor) -> bool:
        """Whether everything is decided and visible, or halted as it must."""
        sound = self.sound_keys()
        return auditor.settled(sound) and not any(key in sound for key in self._must_halt())

    def judge(self) -> None:
        """Raises Violation for a halt without a cause."""
        for key, halt in self._deployment.halted().items():
            if not self._justifies(key, halt):
                raise Violation(f"{key} halted without a cause: {halt.cause}; {halt.known}")

    def excuses(self, _failure: BaseException) -> bool:
        """Whether a process had a reason to end by itself: none of these faults is one."""
        return False

    def _must_halt(self) -> list[TopicPartitionKey]:
        positions = self._deployment.server.tables["positions"]
        must = [key for key, topic_id in self._recreated.items() if key in positions and topic_id]
        must += [key for key, decided in self._shortened.items() if decided]
        return must + [key for key in self._deployment.keys if self._kafka_is_ahead(key)]

    def _kafka_is_ahead(self, key: TopicPartitionKey) -> bool:
        position = self._deployment.server.tables["positions"].get(key, {"sequence": 0})
        receipt = self._deployment.broker.offsets.get(key, (0, ""))[1].removeprefix("ordergate:")
        return receipt.isdecimal() and int(receipt) > position["sequence"]

    def _justifies(self, key: TopicPartitionKey, halt: PartitionHalted) -> bool:
        if halt.cause is Cause.DATABASE_BEHIND:
            # An older database is old for every partition.
            return any(map(self._kafka_is_ahead, self._deployment.keys))
        if halt.cause is Cause.TOPIC_REMADE:
            return key in self._recreated
        if halt.cause is Cause.END_REPLACED:
            return key in self._shortened
        if halt.cause in (Cause.OFFSET_GONE, Cause.OFFSET_MOVED):
            return key in self._auditor.meddled or key in self._recreated
        if halt.cause is Cause.OFFSET_UNSTABLE:
            return self._deployment.broker.unstable(key)
        return False

    # --- the faults

    def _look_after_processes(self) -> None:
        """The supervisor: a process that ended starts again."""
        deployment, step = self._deployment, 0.5
        mean = deployment.weather.climate.restart_after_s
        for slot in deployment.running:
            if slot not in deployment.alive() and self._random.random() < step / mean * (3 if self._calm else 1):
                deployment.start(slot)
        deployment.world.at(step, self._look_after_processes)

    def _rebalance(self) -> None:
        deployment, random = self._deployment, self._random
        draw = random.random()
        if draw < 0.4:
            deployment.world.tell("kafka", "moves a partition")
            deployment.group.move_one()
        elif draw < 0.7:
            deployment.start(str(len(deployment.running)))
        elif deployment.alive():
            deployment.stop(random.choice(deployment.alive()))

    def _restart_broker(self) -> None:
        deployment = self._deployment
        seconds = self._random.uniform(1, 8)
        deployment.world.tell("kafka", f"is away for {seconds:.1f} s")
        deployment.broker.restart(seconds)
        for told in deployment.broker.on_offsets_changed:
            deployment.world.at(seconds + 0.1, told)

    def _restart_database(self) -> None:
        seconds = self._random.uniform(0.1, 8)
        self._deployment.world.tell("postgres", f"restarts, away for {seconds:.1f} s")
        self._deployment.server.restart(seconds)

    def _fail_over(self) -> None:
        deployment, auditor = self._deployment, self._auditor
        hidden = deployment.weather.climate.hidden_fail_overs
        lost = deployment.server.fail_over(self._random.randint(1, 8), hidden=hidden)
        deployment.world.tell("postgres", f"fails over and loses {len(lost)} commits")
        auditor.lost_tail = auditor.lost_tail or bool(lost)
        for changes in lost:
            auditor.tainted |= {str(key[0]).encode() for table, key, *_ in changes if table in ("orders", "guests")}

    def _lose_offset(self) -> None:
        deployment = self._deployment
        key = self._random.choice(deployment.keys)
        if deployment.broker.offsets.pop(key, None) is not None:
            self._auditor.meddled.add(key)
            deployment.world.tell("kafka", f"forgets the committed offset of {key}")

    def _move_offset(self) -> None:
        deployment = self._deployment
        key = self._random.choice(deployment.keys)
        if key in deployment.broker.offsets:
            deployment.broker.offsets[key] = (self._random.randint(0, deployment.broker.log(key).end), "")
            self._auditor.meddled.add(key)
            deployment.world.tell("operator", f"moves the committed offset of {key}")

    def _recreate_topic(self) -> None:
        """The broker forgets the topic's committed offsets, but not at once."""
        deployment, broker = self._deployment, self._deployment.broker
        name = self._random.choice(deployment.topics)
        keys = [key for key in deployment.keys if key[0] == name]
        deployment.world.tell("operator", f"deletes {name} and makes it again")
        ends = {key: broker.log(key).end for key in keys}
        before = {key: broker.offsets.get(key) for key in keys}
        for key in keys:
            known = key in deployment.server.tables["positions"]
            self._recreated[key] = broker.topics[name].topic_id if known else ""
        broker.create_topic(name, len(keys))
        for number, key in enumerate(keys):
            for event in arrivals(Random(100 + number), [key], ends[key] + 3, 1.0):
                broker.append_raw(key, event.record)

        def forget() -> None:
            for key in keys:
                if broker.offsets.get(key) == before[key]:
                    broker.offsets.pop(key, None)

        if self._random.random() < 0.7:
            deployment.world.at(8 * self._random.random(), forget)

    def _shorten_log(self) -> None:
        """A replica that had not kept up leads now, and channels go on publishing."""
        deployment, broker = self._deployment, self._deployment.broker
        key = self._random.choice(deployment.keys)
        log = broker.log(key)
        before, kept = log.end, self._random.randint(0, log.end)
        position = deployment.server.tables["positions"].get(key, {"next_offset": 0})
        deployment.world.tell("kafka", f"loses offsets {kept} to {before - 1} of {key}")
        self._shortened[key] = position["next_offset"] > kept
        log.cut(kept)
        for event in arrivals(Random(200), [key], before - kept + 3, 1.0):
            broker.append_raw(key, event.record)

    def _tear(self) -> None:
        self._deployment.broker.tear_next = True
        self.complete = False
