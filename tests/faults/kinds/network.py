"""Connections that are cut, halved, delayed and silent: to the broker and to PostgreSQL, around each commit."""

from __future__ import annotations

import threading
from functools import partial

from tests.faults.case import Case, Kind
from tests.faults.fenced import FencedWire
from tests.faults.proxy import Action, Proxy, Strike
from tests.faults.wire import COMMIT_ANSWERED, COMMIT_ASKED

KAFKA, POSTGRES = "Kafka", "PostgreSQL"


def proxy_to(case: Case, side: str) -> Proxy:
    """The proxy to one side, which this case's workers use from now on."""
    proxy, setting = (
        case.lane.proxy_to_kafka() if side == KAFKA else case.lane.proxy_to_postgres(case.deployment.database_url)
    )
    case.deployment.settings.update(setting)
    return case.open(proxy)


class StruckAtCommit(Kind):
    """A connection is struck at the request that commits a transaction, or at the answer to it, a few times."""

    def __init__(self, side: str, label: str, action: Action) -> None:
        self.side, self.label, self.action = side, label, action
        self.name = f"{label} {action.value}, {side}"

    def arrange(self, case: Case) -> None:
        chance = case.chance
        self.proxy = proxy_to(case, self.side)
        # A start has some twenty transactions in PostgreSQL and one in Kafka; then each batch has one.
        first, later = (range(1, 5), range(5, 12)) if self.side == KAFKA else (range(1, 20), range(20, 45))
        at = {chance.choice(first), *chance.sample(later, chance.randint(0, 2))}
        seconds = chance.uniform(0.05, 4) if self.action is Action.DELAY else chance.choice((0, 0.02, 0.1, 0.5, 2))
        self.proxy.strikes.append(Strike(self.label, self.action, at, seconds))
        case.tell(f"strikes at {sorted(at)}, {seconds:.2f} s")

    def strike(self, case: Case) -> None:
        case.wait_published()
        case.wait_decided(1)
        case.result.faults += self.proxy.struck
        if self.proxy.late:
            told = ", ".join(f"{seconds:.2f} s late answered {code}" for seconds, code in self.proxy.late)
            case.tell(told)


class Cut(Kind):
    """Every connection to a side is cut, again and again."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.name = f"all connections cut, {side}"

    def arrange(self, case: Case) -> None:
        self.proxy = proxy_to(case, self.side)

    def strike(self, case: Case) -> None:
        case.wait_decided(0.05)
        for _ in range(case.chance.randint(2, 6)):
            if cut := self.proxy.cut_all():
                case.strike(f"{cut} cut")
            case.pause(0.05, 1.5)


class Silence(Kind):
    """A side is silent for a while, without any connection closing: longer than some time-outs, or shorter."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.name = f"silence, {side}"

    def arrange(self, case: Case) -> None:
        self.proxy = proxy_to(case, self.side)

    def strike(self, case: Case) -> None:
        case.wait_decided(0.05)
        for _ in range(case.chance.randint(1, 2)):
            seconds = case.chance.choice((0.5, 2, 4, 7))
            with self.proxy.silence():
                case.pause(seconds, seconds)
            case.strike(f"silent for {seconds} s")
            case.pause(0.5, 2)


class NoBroker(Kind):
    """For a while, everybody is told that the cluster has no broker: the clients forget the one that they knew."""

    name = "the cluster names no broker"

    def arrange(self, case: Case) -> None:
        self.fenced = threading.Event()
        self.proxy = proxy_to(case, KAFKA)
        self.proxy.make_wire = partial(FencedWire, self.fenced)

    def strike(self, case: Case) -> None:
        case.wait_decided(0.05)
        self.fenced.set()
        case.strike(f"{self.proxy.cut_all()} cut, so that they ask")
        case.pause(1, 4)
        self.fenced.clear()


_CUTS = (Action.CUT_BEFORE, Action.CUT_AFTER, Action.HALVE, Action.DELAY)

KINDS: list[Kind] = [
    *(
        StruckAtCommit(side, label, action)
        for side in (KAFKA, POSTGRES)
        for label in (COMMIT_ASKED, COMMIT_ANSWERED)
        for action in _CUTS
    ),
    StruckAtCommit(KAFKA, COMMIT_ASKED, Action.HOLD),
    *(kind(side) for side in (KAFKA, POSTGRES) for kind in (Cut, Silence)),
    NoBroker(),
]
