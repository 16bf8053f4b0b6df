"""What a Kafka client says is part of the log, in the log's own form."""

from __future__ import annotations

import io
import json

import pytest
import structlog
from confluent_kafka import Consumer, Producer

from ingest.settings import LogFormat, LogLevel
from ingest.telemetry.kafka_log import kafka_logger, logger_of
from ingest.telemetry.logs import configure


@pytest.fixture
def lines():
    """Logs JSON into memory; gives a function that returns the lines written so far."""
    stream = io.StringIO()
    configure(LogFormat.JSON, LogLevel.INFO, stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()


@pytest.mark.parametrize(("make", "more"), [(Consumer, {"group.id": "g"}), (Producer, {})])
def test_a_client_without_a_broker_logs_json_and_nothing_else(lines, capfd, make, more) -> None:
    """A collector that reads JSON never meets a line of librdkafka's own format."""
    client = make({"bootstrap.servers": "127.0.0.1:1", **more}, logger=kafka_logger())
    for _ in range(200):
        client.poll(0.05)
        if lines():
            break
    line = lines()[0]
    assert (line["event"], line["level"], line["code"]) == ("kafka_client", "error", "FAIL")
    assert "Connection refused" in line["detail"] and line["client"].startswith("rdkafka#")
    assert "dropped_fields" not in line
    assert capfd.readouterr().err == ""


def test_levels_are_the_logs_own(lines) -> None:
    """An operator's level applies to the client's lines too."""
    logger = logger_of(lambda: 0.0)
    for level in (10, 20, 30, 40, 50):
        logger.log(level, "%s [%s] %s", f"C{level}", "c#1", "words")
    logger.warning("another shape")
    assert [(line["level"], line.get("code")) for line in lines()] == [
        ("info", "C20"), ("warning", "C30"), ("error", "C40"), ("critical", "C50"), ("warning", None),
    ]  # fmt: skip


def test_the_same_trouble_is_told_once_in_a_while(lines) -> None:
    """Hours without a broker fill no disk, and are still seen in the newest part of the log."""
    now = [0.0]
    logger = logger_of(lambda: now[0])
    for second in range(60):
        now[0] = float(second)
        logger.error("%s [%s] %s", "FAIL", "c#1", f"b:1: Connection refused (after {second}ms in state CONNECT)")
    logger.error("%s [%s] %s", "FAIL", "c#2", "b:1: Connection refused (after 1ms in state CONNECT)")
    assert [line["client"] for line in lines()] == ["c#1", "c#1", "c#2"]
