"""What a Kafka client has to say, as lines of our log: else it writes its own format beside them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Final

import structlog

_LOG = structlog.get_logger()
_PARTS: Final = 3
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_SAME_AGAIN_S: Final = 30.0
"""A client away from its broker says so several times a second."""
_MOST_REMEMBERED: Final = 1_000


@cache
def kafka_logger() -> logging.Logger:
    """For the `logger` argument of confluent-kafka's clients: a line becomes an event `kafka_client`.

    Its fields are `client`, `code` (FAIL, SESSTMOUT, …) and `detail`; the same again within 30 s is left out.
    A client speaks of brokers, groups and partitions, never of what records hold. It hands its lines over
    while it is polled.
    """
    return logger_of(time.monotonic)


def logger_of(monotonic: Callable[[], float]) -> logging.Logger:
    """The same by a given clock, seconds."""
    logger = logging.Logger("kafka_client", logging.DEBUG)
    logger.addHandler(_Forward(monotonic))
    return logger


class _Forward(logging.Handler):
    """Passes records on to structlog, which decides by its own level what is written."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._told: dict[tuple[str, ...], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """A client gives three arguments: code, its own name, text."""
        if isinstance(record.args, tuple) and len(record.args) == _PARTS:
            code, client, text = map(str, record.args)
            fields = {"client": client, "code": code, "detail": text}
        else:
            fields = {"detail": record.getMessage()}
        if not self._told_lately(fields):
            level = record.levelname.lower()
            getattr(_LOG, level if level in _LEVELS else "info")("kafka_client", **fields)

    def _told_lately(self, fields: dict[str, str]) -> bool:
        now = self._monotonic()
        # What follows in brackets is how long it took, each time another number.
        key = tuple(value.partition(" (after ")[0] for value in fields.values())
        if now - self._told.get(key, float("-inf")) < _SAME_AGAIN_S:
            return True
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[key] = now
        return False
