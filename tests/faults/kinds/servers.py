"""Servers that are stopped or killed under load, and come back."""

from __future__ import annotations

import threading

from deploy.local.part import Part
from tests.faults.case import TORN, Case, Kind
from tests.faults.operator import recover

BROKER, DATABASE, REGISTRY = "broker", "database", "registry"


def _part(case: Case, name: str) -> Part:
    stack = case.lane.stack
    return {BROKER: stack.kafka, DATABASE: stack.postgres, REGISTRY: stack.registry}[name]


class Down(Kind):
    """Servers go down at once, cleanly or by SIGKILL, and come back after a while, once or twice."""

    def __init__(self, how: str, *names: str) -> None:
        self.how, self.names = how, names
        self.name = f"{' and '.join(names)} {how}"
        if how == "killed" and BROKER in names:
            self.expected = TORN

    def strike(self, case: Case) -> None:
        for _ in range(case.chance.randint(1, 2)):
            case.wait_decided(case.chance.uniform(0.05, 0.4))
            parts = [_part(case, name) for name in self.names]
            at_once = [threading.Thread(target=p.kill if self.how == "killed" else p.stop) for p in parts]
            for one in at_once:
                one.start()
            for one in at_once:
                one.join()
            case.strike(f"{' and '.join(self.names)} {self.how}")
            case.pause(0.1, 4)
            for part in case.chance.sample(parts, len(parts)):
                part.start()
            if case.chance.random() < 0.5:
                # It may get a slot whose lease ended with the connection of a worker that lives.
                case.supervisor.add()
                case.tell("one joins")

    def repair(self, case: Case, halted: dict[tuple[str, int], str]) -> None:
        recover(case, halted, None)


class RegistryAway(Kind):
    """The registry is away when workers start, or goes away later: only a first start on a database needs it."""

    def __init__(self, when: str) -> None:
        self.when = when
        self.name = f"registry away {when}"

    def begin(self, case: Case) -> None:
        if self.when == "at the first start":
            _part(case, REGISTRY).stop()
            case.strike("no registry")
            super().begin(case)
            case.pause(2, 6)
            _part(case, REGISTRY).start()
            return
        super().begin(case)
        case.wait_decided(0.02)
        _part(case, REGISTRY).kill()
        case.strike("registry killed")
        for post in case.chance.sample(case.supervisor.posts, 1):
            assert post.worker is not None
            post.worker.kill()
            case.strike("worker killed")

    def strike(self, case: Case) -> None:
        case.wait_published()
        case.wait_decided(1)
        _part(case, REGISTRY).start()


KINDS: list[Kind] = [
    *(Down(how, *names) for how in ("stopped", "killed") for names in ((BROKER,), (DATABASE,), (BROKER, DATABASE))),
    RegistryAway("at the first start"),
    RegistryAway("later"),
]
