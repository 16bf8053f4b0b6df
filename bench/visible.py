"""A downstream consumer in a process of its own: notes when it sees each governed order."""

from __future__ import annotations

import argparse
import json
import signal
import time
from pathlib import Path
from typing import cast

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.causes import cause_of


def main() -> None:
    """Read a topic, committed records only, until SIGTERM; write what was seen and when as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--ready", required=True, type=Path, help="file made once it reads")
    parser.add_argument("--result", required=True, type=Path)
    given = parser.parse_args()
    is_stopping = False

    def stop(*_: object) -> None:
        nonlocal is_stopping
        is_stopping = True

    signal.signal(signal.SIGTERM, stop)
    consumer = Consumer(
        {
            "bootstrap.servers": given.servers,
            "group.id": "bench-visible",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    partitions = consumer.list_topics(given.topic, timeout=10).topics[given.topic].partitions
    consumer.assign([TopicPartition(given.topic, number, 0) for number in partitions])
    seen: list[tuple[str, int, int, int]] = []
    given.ready.touch()
    while not is_stopping:
        message = consumer.poll(0.1)
        if message is None:
            continue
        at = time.monotonic_ns()
        if (error := message.error()) is not None:
            raise KafkaException(error)
        headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        seen.append((*cause_of(headers), at))
    consumer.close()
    given.result.write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
