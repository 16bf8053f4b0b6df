"""quix-streams in exactly-once mode, as its documentation says.

Pages "Configuration" (processing_guarantee, commit_interval), "Checkpointing", "Schema Registry" (AvroSerializer with
SchemaRegistryClientConfig) and "Serialization": https://quix.io/docs/quix-streams/configuration.html and beside it.
`commit_interval` is the page's own way to trade latency against throughput; 5 s is its default.
"""

from __future__ import annotations

from typing import Any

from quixstreams import Application, message_context
from quixstreams.models import SchemaRegistryClientConfig, SchemaRegistrySerializationConfig
from quixstreams.models.serializers.avro import AvroSerializer

from bench.peers.arguments import Arguments, parse
from bench.peers.work import CAUSE_HEADER, SCHEMA, canonical_order, cause


def application(given: Arguments) -> Application:
    """The application, whole."""
    app = Application(
        broker_address=given.servers,
        consumer_group=given.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=float(given.options["commit_interval"]),
        consumer_extra_config={"session.timeout.ms": int(given.options["session_timeout_ms"])},
        auto_create_topics=False,
        loglevel="WARNING",
    )
    source = app.topic(given.source, value_deserializer="json", key_deserializer="bytes")
    target = app.topic(
        given.target,
        key_serializer="string",
        value_serializer=AvroSerializer(
            SCHEMA,
            schema_registry_client_config=SchemaRegistryClientConfig(url=given.registry),
            schema_registry_serialization_config=SchemaRegistrySerializationConfig(auto_register_schemas=False),
        ),
    )

    def mapped(value: Any, _key: Any, timestamp: int, headers: Any) -> Any:
        return canonical_order(value, headers or (), timestamp)

    def caused(_value: Any, _key: Any, _timestamp: int, _headers: Any) -> Any:
        at = message_context()
        return [(CAUSE_HEADER, cause(at.topic, at.partition, at.offset))]

    stream = app.dataframe(source).apply(mapped, metadata=True).set_headers(caused)
    stream.to_topic(target, key=lambda order: order["order_id"])
    return app


if __name__ == "__main__":
    application(parse(__doc__)).run()
