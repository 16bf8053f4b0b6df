"""Keeps workers running as an operator's supervisor would: one that ends is started again, one that is frozen thaws."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil

from tests.faults.points import STRUCK
from tests.integration.deployment import ROOT, Deployment, Worker, halted

_LOOK_EVERY_S = 0.05
_EXPLAINED = {0, 2, 70, -signal.SIGKILL}
"""Done, told what is wrong, ended by the watchdog, killed. Anything else is a fault of the program."""


@dataclass
class Post:
    """A place for one worker: whoever dies is replaced, until nobody is wanted there any more."""

    settings: dict[str, str]
    armed: list[list[str]]
    """Faults of the first, the second, … process at this post; later ones have none."""
    wanted: bool = True
    worker: Worker | None = None
    restart_at: float = 0.0
    thaw_at: float | None = None


def told_by_time(logs: Iterable[str]) -> str:
    """What workers have told of partitions and readers, in the order in which they told it: who is last is right."""
    lines = (line for log in logs for line in log.splitlines())
    told = [line for line in lines if line.startswith("{") and ('"partition_' in line or '"readers_' in line)]
    return "\n".join(sorted(told, key=lambda line: json.loads(line)["timestamp"]))


def _last_line(worker: Worker) -> str:
    return next(iter(worker.text().splitlines()[-1:]), "without a word")


@dataclass
class Supervisor:
    """Runs posts from a thread of its own."""

    deployment: Deployment
    chance: random.Random
    freeze_s: float = 6.0
    posts: list[Post] = field(default_factory=list)
    restarts: int = 0
    unexplained: list[str] = field(default_factory=list)
    _asleep: bool = False
    _numbers: itertools.count = field(default_factory=itertools.count)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def add(self, *armed: list[str], **settings: str) -> Post:
        """Start a worker at a new post."""
        post = Post(settings, list(armed))
        with self._lock:
            self._start(post)
            self.posts.append(post)
        return post

    def leave(self, post: Post, within: float = 40) -> int:
        """SIGTERM to the worker of a post for good; gives its exit code."""
        with self._lock:
            post.wanted = False
            worker = post.worker
        assert worker is not None
        worker.process.send_signal(signal.SIGCONT)
        return worker.stop(within)

    def kill(self, post: Post) -> None:
        """SIGKILL to the worker of a post; the next one takes its place."""
        with self._lock:
            assert post.worker is not None
            post.worker.kill()

    def freeze_all(self) -> None:
        """SIGSTOP to all at once, until `thaw_all`."""
        with self._lock:
            self._asleep = True
            for worker in self.running():
                worker.process.send_signal(signal.SIGSTOP)

    def thaw_all(self) -> None:
        """SIGCONT to all at once."""
        with self._lock:
            self._asleep = False
            for worker in self.running():
                worker.process.send_signal(signal.SIGCONT)

    def kill_all(self) -> None:
        """SIGKILL to all at once, for good."""
        with self._lock:
            for post in self.posts:
                post.wanted = False
                if post.worker is not None:
                    post.worker.kill()

    def stop_all(self) -> list[str]:
        """SIGTERM to all at once, for good; names those that did not end as they should."""
        with self._lock:
            running = [p.worker for p in self.posts if p.worker is not None and p.worker.process.poll() is None]
            for post in self.posts:
                post.wanted = False
        for worker in running:
            worker.process.send_signal(signal.SIGCONT)
            worker.process.send_signal(signal.SIGTERM)
        codes = [(worker, worker.process.wait(40)) for worker in running]
        # Told to end before it could listen, a process ends as every program does.
        return [
            f"{worker.log.name} ended with {code}"
            for worker, code in codes
            if code
            and (code != -signal.SIGTERM or '"started"' in worker.text())
            and (code != -signal.SIGKILL or STRUCK not in worker.text())
        ]

    def end(self) -> None:
        """Watch no more."""
        self._ended.set()
        self._thread.join()

    def running(self) -> list[Worker]:
        """The workers whose process runs, frozen ones too."""
        with self._lock:
            return [p.worker for p in self.posts if p.worker is not None and p.worker.process.poll() is None]

    def struck(self) -> list[str]:
        """The faults that came up inside workers, by what they told."""
        lines = (line for worker in self.deployment.workers for line in worker.text().splitlines())
        return [line.removeprefix(STRUCK).strip() for line in lines if line.startswith(STRUCK)]

    def halted(self) -> dict[tuple[str, int], str]:
        """Raw partitions that a running worker holds halted, and output partitions whose readers it tells to wait."""
        return halted(told_by_time(worker.text() for worker in self.running()))

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            with self._lock:
                for post in self.posts:
                    self._look(post)

    def _look(self, post: Post) -> None:
        assert post.worker is not None
        code = post.worker.process.poll()
        now = time.monotonic()
        if code is None:
            self._thaw(post, now)
        elif post.restart_at == 0.0:
            if code not in _EXPLAINED and (post.wanted or code != -signal.SIGTERM):
                self.unexplained.append(f"{post.worker.log.name} ended with {code}: {_last_line(post.worker)}")
            post.restart_at = now + self.chance.choice((0.0, 0.3, 1.0))
        if post.wanted and post.restart_at and now >= post.restart_at:
            self.restarts += 1
            self._start(post)

    def _thaw(self, post: Post, now: float) -> None:
        assert post.worker is not None
        try:
            stopped = psutil.Process(post.worker.process.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return  # whoever has told it to end has waited for its end meanwhile
        if not stopped or self._asleep:
            post.thaw_at = None
        elif post.thaw_at is None:
            post.thaw_at = now + self.freeze_s
        elif now >= post.thaw_at:
            post.worker.process.send_signal(signal.SIGCONT)

    def _start(self, post: Post) -> None:
        deployment = self.deployment
        log = deployment.folder / f"worker-{next(self._numbers)}.log"
        armed = post.armed.pop(0) if post.armed else []
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.worker_process", *armed],
                cwd=ROOT, env={**os.environ, **deployment.environment, **post.settings}, stdout=out, stderr=out,
            )  # fmt: skip
        post.worker = Worker(process, log)
        post.restart_at = 0.0
        post.thaw_at = None
        deployment.workers.append(post.worker)
