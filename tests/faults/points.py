"""The named points of a worker's way at which a fault can strike it: wrapped in the worker's own process.

Nothing of the product is changed or replaced: at a point the process is killed or stopped, or it waits, and what
follows is the product's own.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import confluent_kafka

from consumers.kafka_source import KafkaSource
from ingest.database import positions
from ingest.worker import recovery
from ingest.worker.ownership import Ownership
from ingest.worker.reading import Reading
from ingest.worker.recovery import Recovery
from producers.publisher import TransactionalPublisher

STRUCK = "fault-strikes"
"""Begins the line that a worker writes when a fault strikes it: told apart from one that never came up."""


class ReachedProducer(confluent_kafka.Producer):
    """confluent-kafka's producer, whose methods can be wrapped: those of the C type itself cannot."""

    def send_offsets_to_transaction(self, *arguments: Any) -> Any:
        return super().send_offsets_to_transaction(*arguments)

    def commit_transaction(self, *arguments: Any) -> Any:
        return super().commit_transaction(*arguments)


def _always(*_arguments: Any, **_named: Any) -> bool:
    return True


@dataclass(frozen=True)
class Point:
    """Before or after a call of `owner.name` for which `applies` holds."""

    owner: Any
    name: str
    after: bool = False
    applies: Callable[..., bool] = _always


POINTS = {
    # Everything is decided; nothing is sent to Kafka, nothing written to PostgreSQL.
    "before-produce": Point(TransactionalPublisher, "begin", applies=lambda _self, records: bool(records)),
    # Everything is sent and written, nothing is committed.
    "before-database-commit": Point(positions, "advance", after=True),
    # PostgreSQL has committed the batch, Kafka has not.
    "after-database-commit": Point(
        TransactionalPublisher, "commit", applies=lambda self, *_rest: bool(self._under_way)
    ),
    "between-produce-and-send-offsets": Point(ReachedProducer, "send_offsets_to_transaction"),
    "between-send-offsets-and-commit": Point(ReachedProducer, "commit_transaction"),
    "after-commit": Point(ReachedProducer, "commit_transaction", after=True),
    # The fence is up; nothing was asked and nothing was published yet.
    "recovery-fenced": Point(Recovery, "_end_open_transactions"),
    # Database and Kafka are compared, and what Kafka lacks is read from the journal.
    "recovery-compared": Point(recovery, "check_rows", after=True),
    # What lacked is published; reading has not begun.
    "recovery-replayed": Point(KafkaSource, "start_at"),
    "rebalance-assigned": Point(Ownership, "assigned", after=True),
    "rebalance-revoking": Point(Ownership, "revoked"),
    "rebalance-released": Point(Ownership, "revoked", after=True),
    "hand-over": Point(Reading, "hold", after=True, applies=lambda _self, committed, *_rest: bool(committed.waiting)),
}


def _tell(what: str) -> None:
    os.write(2, f"{STRUCK} {what}\n".encode())


def _kill(_seconds: float) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_soon(seconds: float) -> None:
    """Kill from another thread, `seconds` into the call that follows."""
    timer = threading.Timer(seconds, _kill, (0.0,))
    timer.daemon = True
    timer.start()


def _stop(_seconds: float) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


ACTIONS: dict[str, Callable[[float], None]] = {
    "kill": _kill,
    "kill-soon": _kill_soon,
    "stop": _stop,
    "wait": time.sleep,
}


def arm(fault: str) -> None:
    """Arm one fault, `<action>:<point>:<nth>:<seconds>`; nth 0 is every time the point is passed."""
    action, name, nth, seconds = fault.split(":")
    strike, point = ACTIONS[action], POINTS[name]
    wanted, passed = int(nth), 0
    original = getattr(point.owner, point.name)

    def reached() -> None:
        nonlocal passed
        passed += 1
        if passed == wanted:
            _tell(f"{action} {name}")
        if wanted in (0, passed):
            strike(float(seconds))

    def wrapped(*arguments: Any, **named: Any) -> Any:
        applies = point.applies(*arguments, **named)
        if applies and not point.after:
            reached()
        answer = original(*arguments, **named)
        if applies and point.after:
            reached()
        return answer

    setattr(point.owner, point.name, wrapped)
