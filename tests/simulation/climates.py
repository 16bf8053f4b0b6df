"""The climates: which faults may come together in a schedule."""

from __future__ import annotations

from random import Random

from tests.simulation.weather import Climate, Fault

_FENCED_SETTLING_S = 150.0
"""A client is replaced after two looks that wait 5 s in vain. Before each of them a new partition's recovery may have
waited 30 s for its committed offset and 5 s for its log's ends, in vain, too, with a pause of 5 s after that."""


def _fair(random: Random) -> Climate:
    """Nothing but slow messages: two workers meeting each other is enough."""
    return Climate(calm_at=random.uniform(4, 8), slowness=0.05)


def _mixed(random: Random) -> Climate:
    """Processes, networks and servers fail; nothing that was acknowledged is lost."""
    fenced = random.choice((0.0, 0.3, 0.9))
    return Climate(
        calm_at=random.uniform(8, 20),
        slowness=random.choice((0.0, 0.02, 0.1)),
        kafka=random.choice((0.0, 0.01, 0.04)),
        database=random.choice((0.0, 0.01, 0.03)),
        kills=random.randint(0, 3),
        freezes=random.randint(0, 2),
        rebalances=random.randint(0, 3),
        broker_restarts=int(random.random() < 0.15),
        database_restarts=int(random.random() < 0.15),
        hangs=random.random() < 0.1,
        forgetful=random.choice((0.0, 0.0, 0.05)),
        fenced=fenced,
        settling_s=_FENCED_SETTLING_S if fenced else 60.0,
    )


def _frozen(random: Random) -> Climate:
    """Workers are stopped until others have taken over, and then go on as if nothing had been."""
    return Climate(calm_at=random.uniform(10, 25), freezes=4, rebalances=random.randint(0, 1))


def _retried(random: Random) -> Climate:
    """Requests that the client repeats in silence, and whose first copies arrive late."""
    return Climate(
        calm_at=random.uniform(8, 16), kafka=0.08, kafka_faults=((Fault.LATE, 1),), database=0.03,
        kafka_calls=random.choice((None, frozenset({"commit_transaction"}))), kills=random.randint(0, 2),
    )  # fmt: skip


def _fenced(random: Random) -> Climate:
    """The broker comes back fenced: clients are told of a cluster without brokers, and never ask anybody again."""
    return Climate(
        calm_at=random.uniform(8, 20), kafka=random.choice((0.0, 0.02)), kills=random.randint(0, 1),
        freezes=random.randint(0, 1), rebalances=random.randint(0, 1), broker_restarts=random.randint(1, 2),
        fenced=random.choice((0.5, 1.0)), settling_s=_FENCED_SETTLING_S,
    )  # fmt: skip


def _killed(random: Random) -> Climate:
    """One worker dies and is not started again; another one has to take over within a session time-out."""
    return Climate(
        calm_at=random.uniform(2, 4),
        kills=1,
        restart_after_s=60.0,
        events_within_s=2.0,
        settling_s=11.0,
        slowness=0.0,
        early=0.0,
    )


def _fail_over(random: Random) -> Climate:
    """PostgreSQL's standby takes over without the newest commits."""
    return Climate(
        calm_at=random.uniform(6, 14), kills=random.randint(0, 1), rebalances=random.randint(0, 1), fail_overs=1,
        probes=True,
    )  # fmt: skip


def _pooled(random: Random) -> Climate:
    """The same behind a connection pool, which hides it from idle connections."""
    return Climate(calm_at=random.uniform(6, 14), fail_overs=1, hidden_fail_overs=True, probes=True)


def _meddled(random: Random) -> Climate:
    """Somebody deletes or moves the group's offsets."""
    return Climate(
        calm_at=random.uniform(6, 14), kills=1, freezes=random.randint(0, 1), rebalances=1, probes=True,
        lost_offsets=random.randint(0, 1), moved_offsets=random.randint(0, 1),
    )  # fmt: skip


def _recreated(random: Random) -> Climate:
    """A raw topic is deleted and made again, with other events."""
    return Climate(calm_at=random.uniform(6, 14), kills=random.randint(0, 1), recreated_topics=1)


def _shortened(random: Random) -> Climate:
    """A raw log loses its end in an unclean election, and grows again past where it was."""
    return Climate(
        calm_at=random.uniform(6, 14), kills=random.randint(0, 1), rebalances=random.randint(0, 1),
        broker_restarts=random.randint(0, 1), shortened_logs=1, fenced=random.choice((0.0, 0.9)),
        settling_s=_FENCED_SETTLING_S,
    )  # fmt: skip


def _torn(random: Random) -> Climate:
    """A broker that was killed forgets the markers of a transaction that it has decided."""
    return Climate(calm_at=random.uniform(6, 14), kills=1, rebalances=1, torn_transactions=1)


CLIMATES = {
    "mixed": (_mixed, 10), "fair": (_fair, 2), "frozen": (_frozen, 2), "retried": (_retried, 2),
    "fenced": (_fenced, 1),
    "killed": (_killed, 2), "fail-over": (_fail_over, 2), "pooled": (_pooled, 1), "meddled": (_meddled, 1),
    "recreated": (_recreated, 1), "torn": (_torn, 1), "shortened": (_shortened, 1),
}  # fmt: skip
"""Each with its share of the schedules."""


def choose(random: Random) -> str:
    """The climate of a schedule."""
    names = [name for name, (_, share) in CLIMATES.items() for _ in range(share)]
    return random.choice(names)


def draw(name: str, random: Random) -> Climate:
    """A climate of a kind."""
    return CLIMATES[name][0](random)
