"""Structured logs without personal data: one line per batch and per change of state, never per event.

Two guards stand before every line, whatever a caller passes. Only the fields declared in FIELDS are written:
the names of others are listed under `dropped_fields`, their values are not. A customer's name in free text
cannot be recognised, so what a field may hold is decided when it is declared. And whatever looks like an
e-mail address or an international phone number inside a text is masked.

Exceptions are written as class and place. Their message is left out unless it is one of ours: drivers and
parsers put the offending value into theirs.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from ingest.errors import OrdergateError
from ingest.settings import LogFormat, LogLevel

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "address": "host:port of a service, without credentials",
        "behind": "topic/partition and journal row that must be published first",
        "bytes": "raw bytes read",
        "cause": "why a partition stopped",
        "channels": "channel names",
        "client": "name of a Kafka client, with its number in the process",
        "code": "what a Kafka client's line is about, in its own abbreviation",
        "detail": "words of ours, of an operating system or of a driver about a fault, never a row's values",
        "do": "what an operator does next",
        "epoch": "fence number of a partition",
        "events": "raw events in the batch",
        "exception": "class and place of an exception",
        "group_id": "consumer group",
        "group_protocol": "rebalance protocol",
        "journal_rows": "journal rows found unpublished, then published, by a recovery",
        "known": "what is certain when something stopped",
        "lag_s": "age of the oldest raw event not yet done, seconds",
        "next_offset": "first raw offset not yet done",
        "outcomes": "events by outcome",
        "outputs": "records published",
        "partition": "partition number",
        "partitions": "topic/partition names",
        "phases_ms": "milliseconds by phase of the batch",
        "port": "TCP port",
        "published": "whether that row is known to be published already",
        "raw_offset": "offset of a raw event",
        "reason": "stable code of why something was done, or the class of an error",
        "released": "whether the partition's last owner had let it go",
        "safe": "what is safe when something stopped",
        "signal": "name of the signal received",
        "slot": "name of the worker's slot",
        "tables": "table names",
        "topic": "topic name",
        "transactional_id": "producer's transactional id",
        "using": "what is used in place of something that is away",
        "version": "version of a program or schema",
    }
)
"""Every field a log line may have, with what it holds. None holds anything a shopper typed."""

_OWN_FIELDS = frozenset({"event", "level", "timestamp", "exc_info"})
_EMAIL = re.compile(r"[^\s@<>\"'(),;:=]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:]+")
_PHONE = re.compile(r"\+\d[\d\s().\-]{5,18}\d")


def configure(log_format: LogFormat, level: LogLevel, stream: TextIO | None = None) -> None:
    """Sets up structlog: each call writes a line to `stream` (else standard error), for people or as JSON."""
    stream = stream or sys.stderr
    for_people = log_format is LogFormat.CONSOLE or (log_format is LogFormat.AUTO and stream.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if for_people
        else structlog.processors.JSONRenderer(sort_keys=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            describe_exception,
            keep_declared_fields,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    # The driver warns of what it raises as well, in words that may repeat a row.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)


def describe_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replaces `exc_info` by class and place of the exception and its causes."""
    given = event.pop("exc_info", None)
    error = sys.exception() if given is True else given
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = _described(error)
    return event


def keep_declared_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Drops fields that are not declared, and masks addresses and numbers in those that are."""
    dropped = [name for name in event if name not in FIELDS and name not in _OWN_FIELDS]
    kept: MutableMapping[str, Any] = {name: _harmless(value) for name, value in event.items() if name not in dropped}
    if dropped:
        kept["dropped_fields"] = sorted(dropped)
    return kept


def _harmless(value: Any) -> Any:
    """The value without personal data; of a mapping, the numbers alone."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _PHONE.sub("[phone]", _EMAIL.sub("[e-mail]", value))
    if isinstance(value, Mapping):
        return {str(key): number for key, number in value.items() if isinstance(number, int | float)}
    if isinstance(value, list | tuple | set | frozenset):
        return [_harmless(item) for item in value]
    return type(value).__name__


def _described(error: BaseException) -> list[str]:
    lines = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        name = f"{type(cause).__module__}.{type(cause).__qualname__}"
        lines.append(f"{name}: {cause.what}" if isinstance(cause, OrdergateError) else name)
        frames = traceback.extract_tb(cause.__traceback__)
        lines += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return lines
