"""Logs are for machines or people, and never name a shopper."""

from __future__ import annotations

import ast
import io
import json
import logging
from pathlib import Path

import pytest
import structlog

import ingest
from ingest.errors import DatabaseAway
from ingest.settings import LogFormat, LogLevel
from ingest.telemetry.logs import FIELDS, configure


@pytest.fixture
def lines():
    """Logs JSON into memory; gives a function that returns the lines written so far."""
    stream = io.StringIO()
    configure(LogFormat.JSON, LogLevel.INFO, stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()


def test_a_batch_is_one_line_of_json(lines):
    """A collector gets one object per batch, with numbers as numbers."""
    structlog.get_logger().info(
        "batch committed", topic="raw.web.orders.v1", events=3, outcomes={"GOVERNED": 2, "DUPLICATE": 1}
    )
    (line,) = lines()
    assert line["event"] == "batch committed" and line["level"] == "info" and line["timestamp"].endswith("Z")
    assert (line["topic"], line["events"]) == ("raw.web.orders.v1", 3)
    assert line["outcomes"] == {"GOVERNED": 2, "DUPLICATE": 1}


def test_less_severe_lines_are_not_written(lines):
    """The log level is kept."""
    structlog.get_logger().debug("polled", events=0)
    assert lines() == []


def test_a_person_at_a_terminal_reads_text():
    """On a terminal, lines are for people; elsewhere they are JSON."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, is_json in ((Terminal(), False), (io.StringIO(), True)):
        configure(LogFormat.AUTO, LogLevel.INFO, stream)
        structlog.get_logger().info("started", slot="a")
        assert "started" in stream.getvalue()
        assert stream.getvalue().startswith("{") is is_json
    structlog.reset_defaults()


@pytest.mark.parametrize("field", ["email", "phone", "name", "address_line", "contact", "payload", "order", "value"])
def test_a_field_that_is_not_declared_is_never_written(lines, field):
    """A colleague who logs a contact while hunting a fault leaks nothing, and sees that the field was
    dropped."""
    structlog.get_logger().info("canary", **{field: "Canary Person"})
    (line,) = lines()
    assert "Canary" not in json.dumps(line)
    assert line["dropped_fields"] == [field]


def test_contacts_within_texts_are_masked(lines):
    """An address or number inside an otherwise allowed text does not reach the log."""
    structlog.get_logger().warning(
        "rejected canary.person@example.com",
        detail="for canary+tag@example.co.uk, <canary@xn--bcher-kva.example> or +1 (415) 555-2671",
        partitions=["+44 20 7946 0958"],
    )
    text = json.dumps(lines())
    assert "canary" not in text and "2671" not in text and "0958" not in text
    assert text.count("[e-mail]") == 3 and text.count("[phone]") == 2


def test_what_a_log_reader_needs_is_not_masked(lines):
    """Offsets, times, topics and addresses of services stay readable."""
    structlog.get_logger().info(
        "recovered",
        address="127.0.0.1:9092",
        next_offset=14155552671,
        detail="2026-01-01T12:00:00Z raw.web/3",
    )
    (line,) = lines()
    assert line["address"] == "127.0.0.1:9092" and line["next_offset"] == 14155552671
    assert line["detail"] == "2026-01-01T12:00:00Z raw.web/3"


def test_objects_and_nested_values_do_not_carry_personal_data_along(lines):
    """A dict or an object passed by mistake is not printed with all that is in it."""
    structlog.get_logger().info(
        "canary", outcomes={"GOVERNED": 1, "who": "Canary Person"}, detail=ValueError("Canary Person")
    )
    (line,) = lines()
    assert "Canary" not in json.dumps(line)
    assert line["outcomes"] == {"GOVERNED": 1} and line["detail"] == "ValueError"


def test_an_exception_is_shown_without_the_value_that_caused_it(lines):
    """Drivers repeat rows in their messages: class and place are enough to find the fault."""
    try:
        try:
            raise ValueError("Key (name)=(Canary Person) exists")
        except ValueError as error:
            raise DatabaseAway("db:5432/orders", "connection refused") from error
    except DatabaseAway:
        structlog.get_logger().exception("stopped")
    (line,) = lines()
    shown = "\n".join(line["exception"])
    assert "Canary" not in json.dumps(line)
    assert "DatabaseAway: PostgreSQL at db:5432/orders cannot be reached" in shown
    assert "builtins.ValueError" in shown and "test_logs.py" in shown


def test_what_the_database_driver_warns_of_is_not_written(lines, capfd):
    """The driver's warnings repeat what it raises, and may quote a row."""
    logging.getLogger("psycopg").warning("error ignored: Key (name)=(Canary Person) exists")
    assert lines() == [] and "Canary" not in "".join(capfd.readouterr())


def test_every_declared_field_says_what_it_holds():
    """Whoever declares a field says what it may hold; none is named after personal data."""
    assert all(meaning for meaning in FIELDS.values())
    assert not {"email", "phone", "name", "order_id", "guest_id"} & set(FIELDS)


def test_every_field_that_is_logged_is_declared():
    """No line loses a field on its way: what the code logs is what the catalogue declares."""
    levels = {"debug", "info", "warning", "error", "exception"}
    logged = set()
    for file in Path(ingest.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("log"), attr=level)) if level in levels:
                    logged |= {keyword.arg for keyword in node.keywords}
    assert {"topic", "partition"} <= logged
    assert logged - {"exc_info"} <= set(FIELDS)
