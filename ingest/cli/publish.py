"""`ordergate publish`: payloads as raw events on a channel's topic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from rich.markup import escape

from consumers.catalogue import CHANNELS
from consumers.channel import Channel
from ingest.cli.deployment import settings
from ingest.cli.errors import Undelivered
from ingest.cli.main import NOT_DONE
from ingest.cli.payloads import Payload, Payloads
from ingest.cli.terminal import console, emit, table
from ingest.kafka_admin import KafkaAdmin
from ingest.raw_event import RawHeaders
from producers.topics import MAX_RECORD_BYTES
from schemas import json_document

_FLUSH_S = 60.0


@dataclass(slots=True)
class Sent:
    """One payload on its way: its position once the broker has it, or why not."""

    file: str
    key: bytes | None
    partition: int = -1
    offset: int = -1
    refused: str | None = None

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """The client's answer."""
        if error is not None:
            self.refused = error.str()
            return
        self.partition, self.offset = message.partition() or 0, message.offset() or 0


def publish(channel: str, headers: RawHeaders, files: Sequence[str]) -> int:
    """Publish and tell people where each event is; gives the exit code. Raises Undelivered."""
    payloads = Payloads(files)
    topic = CHANNELS[channel].topic
    sent = list(_publish(channel, headers, payloads))
    shown = table("payload", "raw event", "key")
    for one in sent:
        if one.refused is None:
            key = one.key.decode(errors="replace") if one.key is not None else ""
            shown.add_row(escape(one.file), f"{topic}/{one.partition}/{one.offset}", escape(key))
    if shown.rows:
        console().print(shown)
    return _code(payloads, sent)


def publish_json(channel: str, headers: RawHeaders, files: Sequence[str]) -> int:
    """Publish and print one line of JSON an event; gives the exit code. Raises Undelivered."""
    payloads = Payloads(files)
    sent = list(_publish(channel, headers, payloads))
    for one in sent:
        if one.refused is None:
            key = one.key.decode(errors="replace") if one.key is not None else None
            emit(
                {
                    "file": one.file,
                    "topic": CHANNELS[channel].topic,
                    "partition": one.partition,
                    "offset": one.offset,
                    "key": key,
                }
            )
    return _code(payloads, sent)


def natural_key(channel: Channel, payload: bytes) -> bytes | None:
    """What the channel keys by; None when the payload does not tell."""
    try:
        document = json_document.decode(payload)
    except json_document.DocumentError:
        return None
    key = channel.key_of(document)
    return key.encode() if key is not None else None


def _publish(channel_name: str, headers: RawHeaders, payloads: Payloads) -> Iterator[Sent]:
    readable = list(payloads)
    if not readable:
        return
    channel = CHANNELS[channel_name]
    given = settings()
    with KafkaAdmin(given.kafka_bootstrap_servers) as admin:
        admin.require([channel.topic])
    producer = Producer(
        {
            "bootstrap.servers": given.kafka_bootstrap_servers,
            "enable.idempotence": True,
            "message.max.bytes": MAX_RECORD_BYTES,
            "compression.type": "lz4",
            "log_level": 0,
        }
    )
    sent = []
    for payload in readable:
        one = Sent(payload.file, natural_key(channel, payload.body))
        sent.append(one)
        _produce(producer, channel.topic, headers, payload, one)
    producer.flush(_FLUSH_S)
    for one in sent:
        if one.offset < 0 and one.refused is None:
            one.refused = f"the broker did not confirm it within {_FLUSH_S:.0f} s; whether it has it is not known"
        yield one


def _produce(producer: Producer, topic: str, headers: RawHeaders, payload: Payload, one: Sent) -> None:
    while True:
        try:
            producer.produce(topic, payload.body, one.key, headers=list(headers), on_delivery=one.delivered)
        except BufferError:
            producer.poll(0.5)
        except KafkaException as error:
            one.refused = error.args[0].str()
            return
        else:
            producer.poll(0)
            return


def _code(payloads: Payloads, sent: Sequence[Sent]) -> int:
    refused = [one for one in sent if one.refused is not None]
    if refused:
        raise Undelivered([one.file for one in refused], refused[0].refused or "")
    return NOT_DONE if payloads.unreadable else 0
