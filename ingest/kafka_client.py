"""Clients for questions: silent, and able to say why no broker answered.

A client writes its troubles to standard error, beside the answer or into a log of JSON lines. Here they are
kept instead: whoever asks gets the last of them in the error.
"""

from __future__ import annotations

from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

TIMEOUT_S = 10.0
"""Longest wait for an answer."""


class Polled(Protocol):
    """Any client: polling hands over what it has to complain of."""

    def poll(self, timeout: float) -> object:
        """Serve what is waiting."""


def quiet(bootstrap_servers: str, complaints: list[KafkaError]) -> dict[str, Any]:
    """Settings of a client that prints nothing; when it is polled, `complaints` gets what troubles it."""
    return {"bootstrap.servers": bootstrap_servers, "log_level": 0, "error_cb": complaints.append}


def why(client: Polled, complaints: list[KafkaError], error: KafkaException) -> str:
    """The reason why a question failed: what last went wrong with a broker, else the error's own words."""
    client.poll(0)
    told = [one.str() for one in complaints if one.code() != KafkaError._ALL_BROKERS_DOWN]
    complaints.clear()
    # What follows the reason in brackets is the client's own state.
    return told[-1].partition(" (after ")[0] if told else str(error.args[0].str())
