"""An OMS service in miniature: prints every governed order as it is published, until Ctrl-C.

KAFKA_BOOTSTRAP_SERVERS and SCHEMA_REGISTRY_URL say where from: `ordergate up` prints both. ORDERS_TOPIC may
name another topic. The Kafka client commits the position by itself, so after a crash an order may be printed
again; a service that must not act twice remembers the highest canonical_version of each order_id and skips
what is not higher.
"""

import os
from decimal import Decimal

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

decode = AvroDeserializer(SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]}))
address = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "my-oms-service"}
consumer = Consumer(address | {"isolation.level": "read_committed", "auto.offset.reset": "earliest"})
consumer.subscribe([os.environ.get("ORDERS_TOPIC", "oms.orders.v1")])
while not (record := consumer.poll()).error():
    order = decode(record.value())
    total = order["totals"]["total_current"]
    row = "{order_id} {canonical_version} {order_status} {payment_status} {fulfilment_status}".format(**order)
    print(row, Decimal(total["amount_minor"]).scaleb(-total["exponent"]), total["currency"], flush=True)
raise KafkaException(record.error())
