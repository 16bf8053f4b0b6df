"""Whether the worker's consumer still finds the brokers.

librdkafka 2.16 forgets every broker when it is once told of a cluster without brokers, as one is while all of them are
fenced, and never asks anybody again: no call fails for good, and nothing comes (confluentinc/librdkafka#5301).
"""

from __future__ import annotations

from collections.abc import Callable

from consumers.kafka_source import BrokerSilent, KafkaSource

_EVERY_S = 10.0
_QUESTIONS = 2
"""In a row, at which the brokers answered others alone."""


class ClientWatch:
    """Replaces the consumer's client when the brokers answer others, and not it."""

    def __init__(self, source: KafkaSource, ask: Callable[[], object], monotonic: Callable[[], float]) -> None:
        """`ask` asks the brokers something by another client; raises BrokerSilent."""
        self._source = source
        self._ask = ask
        self._monotonic = monotonic
        self._next = float("-inf")

    def look_now_and_then(self) -> bool:
        """Look if it is time to; says whether the client was replaced. Raises BrokerSilent when nobody is answered."""
        if self._monotonic() < self._next:
            return False
        self._next = self._monotonic() + _EVERY_S
        for _ in range(_QUESTIONS):
            try:
                self._source.ask()
            except BrokerSilent:
                self._ask()  # unanswered, too, the brokers are away: nothing is wrong with the client
            else:
                return False
        self._source.connect_anew()
        return True
