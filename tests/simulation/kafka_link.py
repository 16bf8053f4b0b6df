"""One request from a client to the broker, with librdkafka's own retries around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from tests.simulation.broker import Broker, Refusal, TryLater
from tests.simulation.weather import Fault, Weather
from tests.simulation.world import Process

T = TypeVar("T")


def failure(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaException:
    """An error as the client gives it."""
    return KafkaException(KafkaError(code, KafkaError(code).str(), fatal, retriable, abort))


class Link:
    """A client's way to the broker."""

    def __init__(
        self, process: Process, broker: Broker, weather: Weather, backoff_s: float, hang: Callable[[], None]
    ) -> None:
        self.process = process
        self.broker = broker
        self.weather = weather
        self.backoff_s = backoff_s
        self._hang = hang
        self.counted: list[tuple[float, str, bool]] = []
        """When which request was sent (True), or its connection was lost (False): what statistics are made of."""
        self.forgotten = False
        """The client knows no broker any more, asks nobody ever again, and does not notice."""
        broker.on_return.append(self._broker_is_back)

    def _broker_is_back(self) -> None:
        if self.process.alive and not self.process.frozen and not self.forgotten and self.weather.told_of_no_broker():
            self.forgotten = True
            self.broker.world.tell(self.process.name, "is told of a cluster without brokers")

    def count(self, request: str, *, sent: bool = True) -> None:
        """One more of it, now."""
        self.counted.append((self.broker.world.now, request, sent))

    def request(self, call: str, name: str, apply: Callable[[], T], timeout: float) -> T:
        """What `apply` gives at the broker. Raises Refusal, or KafkaException when no answer comes in time."""
        process, world, weather = self.process, self.broker.world, self.weather
        until = world.now + timeout
        process.check()
        weather.strike(process, call)
        fault = weather.kafka(call)
        if fault is not Fault.NONE:
            world.tell(process.name, f"{name}: {fault.name.lower()}")
        if fault is Fault.HANG:
            self._hang()
        if fault is Fault.TIMED_OUT:
            self.count(name)
            if world.random.random() < 0.7:
                self._arrives(world.random.random() * 4 if world.random.random() < 0.5 else weather.latency(), apply)
            process.sleep(timeout)
            raise failure(KafkaError._TIMED_OUT, retriable=True)
        if fault is not Fault.NONE:
            self.count(name)
            if fault is Fault.LOST_REPLY:
                self._arrives(weather.latency(), apply)
            elif fault is Fault.LATE:
                self._arrives(0.05 + world.random.choice((0.5, 3.0)) * world.random.random(), apply)
            process.sleep(0.25 * world.random.random())
            self.count(name, sent=False)
            process.sleep(self.backoff_s)
        while True:
            if self.forgotten:
                process.sleep(max(until - world.now, 0.001))
                raise failure(world.random.choice((KafkaError._TIMED_OUT, KafkaError._TRANSPORT)), retriable=True)
            self.count(name)
            answer: list[Any] = []
            self._send(apply, answer)
            weather.strike(process, call)
            process.wait(max(until - world.now, 0.001))
            process.check()
            if not answer:
                raise failure(KafkaError._TIMED_OUT, retriable=True)
            given, error = answer
            if isinstance(error, TryLater):
                if world.now + self.backoff_s >= until:
                    raise failure(KafkaError._TIMED_OUT, retriable=True)
                process.sleep(self.backoff_s)
                continue
            if error is not None:
                raise error
            return given  # type: ignore[no-any-return]  # what `apply` gave

    def _send(self, apply: Callable[[], Any], answer: list[Any]) -> None:
        world, weather, notify = self.broker.world, self.weather, self.process.notifier()

        def arrive() -> None:
            if world.now < self.broker.down_until:
                world.at(self.broker.down_until - world.now + weather.latency(), arrive)
                return
            if self.forgotten:
                return
            try:
                answer.extend((apply(), None))
            except (Refusal, TryLater) as error:
                answer.extend((None, error))
            world.at(weather.latency(), notify)

        world.at(weather.latency(), arrive)

    def _arrives(self, delay: float, apply: Callable[[], Any]) -> None:
        """It reaches the broker, and nobody waits for the answer."""

        def arrive() -> None:
            try:
                apply()
            except (Refusal, TryLater):
                return

        self.broker.world.at(delay, arrive)
