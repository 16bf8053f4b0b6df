"""What may go wrong, and when: every choice comes from the schedule's seed.

Faults stop at `calm_at`; from then on everything that is not lost for good has to come right in bounded time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from tests.simulation.world import Process, World


class Fault(Enum):
    """What may happen to one call over the network."""

    NONE = auto()
    LOST_REQUEST = auto()
    """The connection breaks before the other side has the request."""
    LOST_REPLY = auto()
    """It breaks after the other side has done it."""
    LATE = auto()
    """The caller sees it break; the request arrives later all the same."""
    TIMED_OUT = auto()
    """No answer comes in time; whether and when the request arrives is open."""
    HANG = auto()
    """The client's own time-out does not hold: the call never comes back."""


Weights = tuple[tuple[Fault, int], ...]
ANY: Weights = (
    (Fault.LOST_REQUEST, 3), (Fault.LOST_REPLY, 4), (Fault.LATE, 4), (Fault.TIMED_OUT, 2), (Fault.HANG, 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Climate:
    """How much of what happens in one schedule."""

    calm_at: float = 15.0
    slowness: float = 0.02
    """Share of messages that take up to seconds."""
    kafka: float = 0.0
    """Share of Kafka calls with a fault."""
    kafka_faults: Weights = ANY
    kafka_calls: frozenset[str] | None = None
    """The calls that have them; None: all."""
    database: float = 0.0
    kills: int = 0
    freezes: int = 0
    rebalances: int = 0
    broker_restarts: int = 0
    database_restarts: int = 0
    fail_overs: int = 0
    """Of PostgreSQL, each losing its newest commits."""
    hidden_fail_overs: bool = False
    """A connection pool hides fail-overs from connections that are idle."""
    recreated_topics: int = 0
    shortened_logs: int = 0
    """Raw logs that lose their end in an unclean election, and grow again past where they were."""
    lost_offsets: int = 0
    moved_offsets: int = 0
    torn_transactions: int = 0
    hangs: bool = False
    forgetful: float = 0.0
    """Share of calls about a partition that the consumer forgets (confluentinc/librdkafka#2190, #5591)."""
    fenced: float = 0.0
    """Share of clients that are told of a cluster without brokers when the broker comes back, as one is while all of
    them are fenced: they forget it, and never ask anybody again (confluentinc/librdkafka#5301)."""
    restart_after_s: float = 3.0
    """Mean time until a process that ended is started again."""
    events_within_s: float = 10.0
    early: float = 0.12
    """Share of events that may have to wait for their orders."""
    settling_s: float = 60.0
    """From the last fault or event on, within so many simulated seconds everything has to be decided and visible."""
    probes: bool = False
    """After the faults, every partition gets another event: a position that nobody looks at tells nothing."""


_DATABASE: Weights = ((Fault.LOST_REQUEST, 2), (Fault.LOST_REPLY, 2), (Fault.LATE, 2))

_TENDER = frozenset(
    {"COMMIT", "commit_transaction", "send_offsets_to_transaction", "flush", "init_transactions", "committed"}
)
"""Calls that fail, and around which a process dies, more often than their share."""
_BEFORE_DECIDING = frozenset({"BEGIN", "LOCK_POSITIONS"})
"""Calls at which a process that is stopped comes back as one that has been overtaken."""


class Weather:
    """Draws faults and latencies."""

    def __init__(self, world: World, climate: Climate) -> None:
        self.world = world
        self.climate = climate
        self._kills = climate.kills
        self._freezes = climate.freezes

    @property
    def calm(self) -> bool:
        """Whether faults have stopped."""
        return self.world.now >= self.climate.calm_at

    def latency(self) -> float:
        """Seconds for one message on its way: a millisecond, rarely up to seconds."""
        random = self.world.random.random
        draw = random()
        if draw < 0.75:
            return 0.0002 + 0.002 * random()
        if draw < 1 - self.climate.slowness or self.calm:
            return 0.002 + 0.03 * random()
        return 0.03 + 2.5 * random() ** 3

    def kafka(self, call: str) -> Fault:
        """The fault of one request to a broker."""
        only = self.climate.kafka_calls
        if self.calm or (only is not None and call not in only):
            return Fault.NONE
        if self.world.random.random() >= self.climate.kafka * (3 if call in _TENDER else 1):
            return Fault.NONE
        fault = self._pick(self.climate.kafka_faults)
        return Fault.LOST_REPLY if fault is Fault.HANG and not self.climate.hangs else fault

    def forgets(self) -> bool:
        """Whether the consumer forgets what it is told about a partition."""
        return not self.calm and self.world.random.random() < self.climate.forgetful

    def told_of_no_broker(self) -> bool:
        """Whether a client is told so when the broker is back, and forgets it."""
        return self.world.random.random() < self.climate.fenced

    def database(self) -> Fault:
        """The fault of one statement."""
        if self.calm or self.world.random.random() >= self.climate.database:
            return Fault.NONE
        return self._pick(_DATABASE)

    def strike(self, process: Process, call: str) -> None:
        """At the start and in the middle of a call: the process may be killed or stopped."""
        if not (self._kills or self._freezes) or self.calm:
            return
        random = self.world.random.random
        if self._kills and random() < (0.03 if call in _TENDER else 0.003):
            self._kills -= 1
            process.kill()
        elif self._freezes and random() < (0.06 if call in _BEFORE_DECIDING else 0.03 if call in _TENDER else 0.003):
            self._freezes -= 1
            seconds = (0.5 + 2 * random(), 6 + 6 * random(), 12 + 14 * random())[int(3 * random())]
            process.freeze(min(seconds, max(self.climate.calm_at - self.world.now, 0.1)))

    def _pick(self, weighted: Weights) -> Fault:
        draw = self.world.random.random() * sum(weight for _, weight in weighted)
        for fault, weight in weighted:
            draw -= weight
            if draw < 0:
                return fault
        return weighted[-1][0]
