"""Workers that are killed or frozen at each named point of their way."""

from __future__ import annotations

from tests.faults.case import Case, Kind
from tests.faults.points import POINTS
from tests.faults.stream import Shape

# A point of recovery is passed by each of six partitions at a start; a rebalance takes a second worker.
_REBALANCE = ("rebalance-assigned", "rebalance-revoking", "rebalance-released")
_RECOVERY = ("recovery-fenced", "recovery-compared", "recovery-replayed")


def _nth(case: Case, point: str) -> int:
    if point in ("recovery-fenced", "hand-over", *_REBALANCE):
        return 1
    return case.chance.randint(1, 6 if point in _RECOVERY else 5)


class StruckAtPoint(Kind):
    """One of the workers is struck at a point, once or twice in a row; the others and the next one go on."""

    def __init__(self, action: str, point: str) -> None:
        self.action = action
        self.point = point
        self.name = f"{action} at {point}"

    def arrange(self, case: Case) -> None:
        if self.point in _REBALANCE:
            case.seconds = 8.0
        if self.point == "hand-over":
            # One worker may have all the partitions that share orders: then they have to meet in one batch.
            case.deployment.settings["ORDERGATE_BATCH_SIZE"] = str(case.chance.choice((40, 80)))
            case.shape = Shape(300, spread=0.9)
            case.seconds = 3.0

    def begin(self, case: Case) -> None:
        chance = case.chance
        workers = 2 if self.point in (*_REBALANCE, "hand-over") else chance.randint(1, 3)
        times = chance.randint(1, 2)
        # What one worker has decided and not yet published, another one waits for.
        always = ["wait:after-database-commit:0:0.1"] if self.point == "hand-over" else []
        seconds = chance.uniform(0, 0.012) if self.action == "kill-soon" else 0
        armed = [f"{self.action}:{self.point}:{_nth(case, self.point)}:{seconds:.4f}" for _ in range(times)]
        # Which of them waits for the other depends on which partitions each is given.
        others = [*always, armed[0]] if self.point == "hand-over" else always
        who = "each of them" if others else "one of them"
        case.tell(f"{workers} workers, {who} struck by {' and '.join(armed)}")
        case.supervisor.freeze_s = chance.uniform(4.5, 7.5)
        # A process is frozen twice, but killed once: the next one at its post is killed again.
        processes = [armed] if self.action == "stop" else [[one] for one in armed]
        case.supervisor.add(*([*always, *faults] for faults in processes))
        if self.point in _REBALANCE:
            case.wait_decided(0.02)  # only who owns partitions can lose some
        for _ in range(workers - 1):
            case.pause(0.5, 2)
            case.supervisor.add(others)

    def strike(self, case: Case) -> None:
        case.wait_published()


KINDS: list[Kind] = [
    *(StruckAtPoint("kill", point) for point in POINTS),
    StruckAtPoint("kill-soon", "between-send-offsets-and-commit"),
    *(StruckAtPoint("stop", point) for point in POINTS),
]
