"""The yardstick: a plain confluent-kafka loop that publishes what governing publishes, and governs nothing.

It consumes the same raw records in batches of the same size and, in one transaction per batch together with
the offsets, produces the very same keys, values and headers that a governed run has published for them, to
copies of the output topics. What it saves against a worker is what governing costs.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from bench.causes import Cause, by_cause, read_topic
from consumers.kafka_consumer import consumer_config
from producers.kafka_producer import producer_config
from producers.records import OutputRecord

_TIMEOUT_S = 30.0


@dataclass(slots=True)
class Done:
    """One transaction: when it ended (seconds, monotonic), CPU seconds of the process by then, events."""

    at: float
    cpu: float
    events: int


def run(
    bootstrap_servers: str,
    name: str,
    sources: Sequence[str],
    copies: Mapping[str, str],
    recorded: dict[Cause, list[OutputRecord]],
    events: int,
    batch_size: int,
    transaction: Mapping[str, int],
) -> list[Done]:
    """Copy until `events` raw events were consumed; gives each transaction.

    `name` is group and transactional id; `copies` the topic to write to by output topic; `transaction` as
    `producer_config` takes it. Takes what it publishes out of `recorded`.
    """
    consumer = Consumer(
        {
            **consumer_config(bootstrap_servers, name, "consumer", "0", 0),
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(list(sources))
    producer = Producer({**producer_config(bootstrap_servers, name, transaction), "statistics.interval.ms": 0})
    producer.init_transactions(_TIMEOUT_S)
    done: list[Done] = []
    left = events
    try:
        while left > 0:
            messages = consumer.consume(min(batch_size, left), 0.1)
            if messages:
                _copy(consumer, producer, messages, copies, recorded)
                left -= len(messages)
                done.append(Done(time.monotonic(), time.process_time(), len(messages)))
    finally:
        consumer.close()
    return done


def _copy(
    consumer: Consumer,
    producer: Producer,
    messages: Sequence[Message],
    copies: Mapping[str, str],
    recorded: dict[Cause, list[OutputRecord]],
) -> None:
    producer.begin_transaction()
    produce = producer.produce
    next_offsets: dict[tuple[str, int], int] = {}
    for message in messages:
        if (error := message.error()) is not None:
            raise KafkaException(error)
        position = cast("tuple[str, int, int]", (message.topic(), message.partition(), message.offset()))
        message.value()
        for topic, key, value, headers in recorded.pop(Cause(*position), ()):
            produce(copies[topic], value, key, headers=[*headers])
        next_offsets[position[:2]] = position[2] + 1
    producer.send_offsets_to_transaction(
        [TopicPartition(*key, offset) for key, offset in next_offsets.items()],
        consumer.consumer_group_metadata(),
        _TIMEOUT_S,
    )
    producer.commit_transaction(_TIMEOUT_S)


def main() -> None:
    """Read the recorded outputs, copy, and write the transactions as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--sources", required=True, nargs="+")
    parser.add_argument("--copies", required=True, type=json.loads)
    parser.add_argument("--events", required=True, type=int)
    parser.add_argument("--batch-size", required=True, type=int)
    parser.add_argument("--transaction", required=True, type=json.loads)
    parser.add_argument("--result", required=True, type=Path)
    given = parser.parse_args()
    outputs = (record for topic in given.copies for record in read_topic(given.servers, topic))
    recorded = by_cause(outputs)
    count = sum(map(len, recorded.values()))
    gc.freeze()  # the recorded outputs are no part of a plain loop's garbage
    done = run(
        given.servers, given.name, given.sources, given.copies, recorded, given.events, given.batch_size,
        given.transaction,
    )  # fmt: skip
    if recorded:
        sys.exit(f"{len(recorded)} of the raw events that have outputs were not consumed")
    given.result.write_text(json.dumps({"batches": [asdict(one) for one in done], "outputs": count}))


if __name__ == "__main__":
    main()
