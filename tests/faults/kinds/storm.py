"""Everything at once: workers, servers and connections struck one after the other, before the last fault is over."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.case import Case, Kind
from tests.faults.kinds.network import KAFKA, POSTGRES, proxy_to
from tests.faults.points import POINTS


class Storm(Kind):
    """A random sequence of faults in quick succession, each of which alone is survived."""

    name = "several faults in quick succession"

    def arrange(self, case: Case) -> None:
        case.seconds = 8.0
        self.proxies = [proxy_to(case, side) for side in (KAFKA, POSTGRES)]

    def begin(self, case: Case) -> None:
        chance = case.chance
        for _ in range(chance.randint(2, 3)):
            points = chance.sample(sorted(POINTS), 2)
            case.supervisor.add(*([f"kill:{point}:{chance.randint(1, 6)}:0"] for point in points))

    def strike(self, case: Case) -> None:
        case.wait_decided(0.03)
        acts: list[Callable[[Case], None]] = [self._cut, self._silence, self._kill, self._database, self._broker]
        for act in case.chance.choices(acts, weights=(4, 2, 4, 2, 1), k=case.chance.randint(3, 6)):
            act(case)
            case.pause(0, 1.5)

    def _cut(self, case: Case) -> None:
        if cut := case.chance.choice(self.proxies).cut_all():
            case.strike(f"{cut} connections cut")

    def _silence(self, case: Case) -> None:
        with case.chance.choice(self.proxies).silence():
            case.pause(0.5, 4)
        case.strike("silence")

    def _kill(self, case: Case) -> None:
        case.supervisor.kill(case.chance.choice(case.supervisor.posts))
        case.strike("worker killed")

    def _database(self, case: Case) -> None:
        case.lane.stack.postgres.kill()
        case.strike("database killed")
        case.lane.stack.postgres.start()

    def _broker(self, case: Case) -> None:
        case.lane.stack.kafka.stop()
        case.strike("broker stopped")
        case.lane.stack.kafka.start()


KINDS: list[Kind] = [Storm()]
