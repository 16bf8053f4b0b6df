"""Publishes a seed's events while everything else happens, and knows what the broker confirmed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from confluent_kafka import KafkaError, Message, Producer

from tests.integration.records import Raw


class Publishing:
    """A thread that publishes events evenly over some seconds, and goes on after every outage."""

    def __init__(self, servers: str, events: Iterable[Raw], seconds: float) -> None:
        self._servers = servers
        self._events = list(events)
        self._seconds = seconds
        self._thread = threading.Thread(target=self._publish, name="publishing", daemon=True)
        self.failed = ""
        self.confirmed = 0

    @property
    def total(self) -> int:
        """How many events there are."""
        return len(self._events)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def is_running(self) -> bool:
        """Whether something is still to be published."""
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait until all is confirmed. Raises AssertionError when it is not in time, or refused."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"only {self.confirmed} of {self.total} raw events were published"
        assert not self.failed, f"a raw event was not published: {self.failed}"

    def _publish(self) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self._servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "metadata.recovery.strategy": "none",
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        began = time.monotonic()
        for number, one in enumerate(self._events):
            early = number / self.total * self._seconds - (time.monotonic() - began)
            producer.poll(max(early, 0))
            options = {} if one.partition is None else {"partition": one.partition}
            producer.produce(
                one.topic, one.value, one.key, headers=one.headers, timestamp=one.timestamp_ms,
                on_delivery=self._delivered, **options,
            )  # fmt: skip
        if producer.flush(120):
            self.failed = self.failed or "no answer for two minutes"

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.confirmed += 1
        else:
            self.failed = str(error)
