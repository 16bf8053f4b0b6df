"""Simulated time, and the processes that live in it: one thing happens at a time, and a seed decides what and when.

Each process is a greenlet. It gives way at every call to the outside, and only there; what it called happens at
its own time, whether the caller is still alive then or not.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

Action = Callable[[], None]


class Gone(BaseException):
    """This process is no more: nothing of it runs, not even its clean-up."""


class World:
    """Simulated time in seconds, and the queue of what is to happen."""

    def __init__(self, seed: int, tell: Callable[[float, str, str], None] | None = None) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.over = False
        self.told = tell is not None
        self._tell = tell
        self._queue: list[tuple[float, int, Action]] = []
        self._number = 0

    def at(self, delay: float, action: Action) -> None:
        """Let something happen `delay` seconds from now."""
        self._number += 1
        heapq.heappush(self._queue, (self.now + delay, self._number, action))

    def tell(self, who: str, what: str) -> None:
        """One line of the trace, when somebody reads it."""
        if self._tell is not None:
            self._tell(self.now, who, what)

    def run(self, done: Callable[[], bool], limit: float) -> bool:
        """Let things happen until `done`, at most up to the time `limit`; gives whether it is done."""
        queue = self._queue
        while not done():
            if not queue or queue[0][0] > limit:
                return False
            self.now, _, action = heapq.heappop(queue)
            action()
        return True


class Process:
    """One incarnation of a process: from its start to its end. Killed, it simply never goes on."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.alive = False
        self.worker: Any = None
        """The worker that it runs."""
        self.deployment: Any = None
        self.failure: BaseException | None = None
        self.ended: list[Action] = []
        """What the outside does once it is gone: the machine closes its connections."""
        self.frozen_until = 0.0
        self._greenlet: greenlet | None = None
        self._waits = 0
        self._notified = False

    def start(self, main: Action) -> None:
        """Run `main` as this process, from now on."""

        def run() -> None:
            try:
                main()
            except Gone:
                return
            except BaseException as error:  # noqa: BLE001 -- whatever ends a process is for the schedule to judge
                if not self.world.over:
                    self.failure = error
            if self.alive:
                self._end()

        self.alive = True
        self._greenlet = greenlet(run)
        self._resume_later(0.0)

    def kill(self) -> None:
        """SIGKILL."""
        if self.alive:
            self.world.tell(self.name, "is killed")
            self._end()
        if getcurrent() is self._greenlet:
            raise Gone

    def freeze(self, seconds: float) -> None:
        """SIGSTOP now, SIGCONT later: what it called goes on, and itself notices nothing of it."""
        self.world.tell(self.name, f"is stopped for {seconds:.1f} s")
        self.frozen_until = max(self.frozen_until, self.world.now + seconds)

    @property
    def frozen(self) -> bool:
        """Whether it is stopped now."""
        return self.world.now < self.frozen_until

    def check(self) -> None:
        """At the start of every call: a process that is gone calls nobody."""
        if not self.alive or self.world.over:
            raise Gone

    def sleep(self, seconds: float) -> None:
        """Give way for a while."""
        self._waits += 1
        self._resume_later(seconds)
        self._give_way()

    def wait(self, seconds: float | None = None) -> bool:
        """Give way until notified (True), or until the time is over (False)."""
        self._waits += 1
        self._notified = False
        if seconds is not None:
            self._resume_later(seconds)
        self._give_way()
        return self._notified

    def notifier(self) -> Action:
        """Ends the next `wait`, and no later one. To be made before that wait."""
        number = self._waits + 1

        def notify() -> None:
            if self._waits == number and not self._notified:
                self._notified = True
                self._resume_later(0.0)

        return notify

    def in_background(self, delay: float, action: Action) -> None:
        """Let a thread of this process do something: never after its end, and not while it is stopped."""

        def due() -> None:
            if not self.alive:
                return
            if self.frozen:
                self.world.at(self.frozen_until - self.world.now + 0.001, due)
            else:
                action()

        self.world.at(delay, due)

    def drop(self) -> None:
        """After the schedule: unwind what still hangs in the middle of a call."""
        if self._greenlet is not None and not self._greenlet.dead:
            with suppress(Gone):
                self._greenlet.throw(Gone)

    def _end(self) -> None:
        self.alive = False
        for action in self.ended:
            action()

    def _resume_later(self, delay: float) -> None:
        number = self._waits

        def resume() -> None:
            if self._waits != number or not self.alive:
                return
            if self.world.now < self.frozen_until:
                self.world.at(self.frozen_until - self.world.now, resume)
            elif self._greenlet is not None:
                self._greenlet.switch()

        self.world.at(delay, resume)

    def _give_way(self) -> None:
        assert self._greenlet is getcurrent(), "a process gives way only by itself"
        parent = self._greenlet.parent
        assert parent is not None
        parent.switch()
        self._waits += 1
        if not self.alive:
            raise Gone
