"""The group coordinator: members, generations, and whose offsets it takes, for both group protocols.

The table of what is fenced is the one measured on Apache Kafka 4.3.1 with librdkafka 2.16. Classic (cooperative): the
generation moves for every member at every rebalance, before any callback runs; offsets are taken from any member of
the current generation, and from one that never joined. KIP-848 (`consumer`): each member has an epoch, and each
partition the epoch since which it is a member's; a member's older epoch still counts for a partition that it kept.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError

from tests.simulation.broker import Broker, Refusal, TopicPartitionKey
from tests.simulation.world import Process, World


@dataclass(slots=True, eq=False)
class Member:
    """A consumer as the coordinator and the client's own threads see it."""

    process: Process
    member_id: str
    topics: list[str]
    wake: Callable[[], None]
    """Tells the client's poll that a callback is due."""
    cut_off: Callable[[], bool]
    """Whether the client knows no broker any more: it sends no heartbeats, and hears of nothing."""
    generation: int = -1
    joined: bool = False
    known: bool = True
    """Still in the coordinator's list; the client finds out later."""
    lost: bool = False
    """The client found out; its callback is due."""
    target: dict[TopicPartitionKey, None] = field(default_factory=dict)
    owned: dict[TopicPartitionKey, int] = field(default_factory=dict)
    """What the client has, with the epoch since which it has it."""


class Group:
    """One consumer group."""

    def __init__(self, world: World, broker: Broker, protocol: str, session_timeout_s: float, name: str) -> None:
        self.world = world
        self.broker = broker
        self.classic = protocol == "classic"
        self.session_timeout_s = session_timeout_s
        self.name = name
        self.generation = 0
        self.members: list[Member] = []
        self._number = 0
        broker.check_group = self.check

    def join(self, member: Member) -> None:
        """A client subscribes; its assignment comes with later polls."""
        self._number += 1
        member.member_id = f"{member.process.name}-{self._number}"
        member.known, member.lost, member.joined = True, False, False
        self.members.append(member)
        self.rebalance()
        self._watch(member)

    def leave(self, member: Member) -> None:
        """A client closes."""
        if member.known and member in self.members:
            self._remove(member)

    def rebalance(self) -> None:
        """Give every partition of the subscribed topics a member, moving few of them."""
        self.generation += 1
        members = list(self.members)
        self.world.random.shuffle(members)
        keys = [
            (topic.name, number)
            for topic in self.broker.topics.values()
            if any(topic.name in member.topics for member in members)
            for number in range(len(topic.partitions))
        ]
        targets: dict[int, dict[TopicPartitionKey, None]] = {id(member): {} for member in members}
        most = -(-len(keys) // max(len(members), 1))
        left = []
        for key in keys:
            holder = next((m for m in members if key in m.target and len(targets[id(m)]) < most), None)
            if holder is not None:
                targets[id(holder)][key] = None
            else:
                left.append(key)
        for key in left:
            if members:
                least = min(members, key=lambda m: len(targets[id(m)]))
                targets[id(least)][key] = None
        for member in members:
            member.target = targets[id(member)]
            self._notify(member)

    def move_one(self) -> None:
        """A rebalance that hands one partition to another member."""
        givers = [member for member in self.members if member.target]
        takers = [member for member in self.members if member not in givers[:1]]
        if givers and takers:
            key = next(iter(givers[0].target))
            del givers[0].target[key]
            takers[0].target[key] = None
        self.generation += 1
        for member in list(self.members):
            self._notify(member)

    def metadata(self, member: Member) -> bytes:
        """What `consumer_group_metadata()` gives right now."""
        generation = member.generation if member.joined else -1
        member_id = member.member_id if not (member.lost and self.classic) else ""
        return b"CGMDv2:" + struct.pack("<i", generation) + f"{self.name}\0{member_id}\0\0".encode()

    def check(self, metadata: object, keys: list[TopicPartitionKey]) -> None:
        """Whether offsets are taken with this metadata. Raises Refusal."""
        assert isinstance(metadata, bytes)
        (generation,) = struct.unpack_from("<i", metadata, 7)
        _group, member_id, *_ = metadata[11:].decode().split("\0")
        member = next((one for one in self.members if one.member_id == member_id), None)
        if member is None:
            if self.classic and generation < 0 and not member_id:
                return
            raise Refusal(KafkaError.UNKNOWN_MEMBER_ID)
        if self.classic:
            if generation != self.generation:
                raise Refusal(KafkaError.ILLEGAL_GENERATION)
        elif generation != member.generation and (
            generation > member.generation
            or any(key not in member.owned or member.owned[key] > generation for key in keys)
        ):
            raise Refusal(KafkaError.ILLEGAL_GENERATION)

    # --- what the client's poll does

    def to_revoke(self, member: Member) -> list[TopicPartitionKey]:
        """What a member has and should give."""
        return [key for key in member.owned if key not in member.target]

    def to_assign(self, member: Member) -> list[TopicPartitionKey]:
        """What a member should have and nobody else has any more."""
        if not member.joined:
            return []
        taken = {key for other in self.members if other is not member for key in other.owned}
        return [key for key in member.target if key not in member.owned and key not in taken]

    def revoked(self, member: Member, keys: list[TopicPartitionKey]) -> None:
        """The member's callback has returned: the partitions are free."""
        for key in keys:
            member.owned.pop(key, None)
        if not member.known:
            return
        if self.classic:
            self.generation += 1
        for other in list(self.members):
            self._notify(other)

    def assigned(self, member: Member, keys: list[TopicPartitionKey]) -> None:
        """The member has them now."""
        member.owned.update(dict.fromkeys(keys, member.generation))

    def _notify(self, member: Member) -> None:
        """The client's own thread hears of a new generation with one of its next heartbeats."""

        def heard() -> None:
            if not member.known or member.cut_off():
                return
            if self.classic or not self.to_revoke(member):
                member.generation = self.generation
                member.joined = True
            member.wake()

        if self.classic and not member.process.frozen:
            # All members have rejoined before the rebalance is over: those who are alive know the generation.
            heard()
            return
        member.process.in_background(self._heartbeat(), heard)

    def _heartbeat(self) -> float:
        return 0.01 + 0.5 * self.world.random.random()

    def _watch(self, member: Member) -> None:
        """Evict a member that is silent for the session time-out."""
        silent_since: list[float] = []

        def look() -> None:
            if not member.known:
                return
            if member.process.alive and not member.process.frozen and not member.cut_off():
                silent_since.clear()
            elif not silent_since:
                silent_since.append(self.world.now)
            if silent_since and self.world.now - silent_since[0] >= self.session_timeout_s - 1:
                self.world.tell("kafka", f"evicts {member.member_id}")
                self._remove(member)
                return
            self.world.at(1.0, look)

        self.world.at(1.0, look)

    def _remove(self, member: Member) -> None:
        member.known = False
        self.members.remove(member)
        member.process.in_background(self._heartbeat(), lambda: self._found_out(member))
        self.rebalance()

    def _found_out(self, member: Member) -> None:
        """A heartbeat is answered: unknown member."""
        if not member.cut_off():
            member.lost = True
            member.wake()
