"""On several brokers, what a deployment keeps is kept on three of them, and whoever finds it otherwise says so."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from ingest.kafka_admin import KafkaAdmin
from producers.topics import ORDERS
from tests.cluster.cluster import NODES, Cluster
from tests.cluster.ordergate import ordergate, told
from tests.integration.deployment import TOPICS, Deployment, audit
from tests.integration.records import SHOPIFY, shopify, shopify_order

pytestmark = [pytest.mark.stack, pytest.mark.long]


def looked(deployment: Deployment) -> dict[str, str]:
    """What `ordergate check` finds not in order: its verdict and what it found, by subject."""
    found = told(ordergate(deployment, "check", "--json"))
    return {one["subject"]: f"{one['verdict']}: {one['found']}" for one in found if one["verdict"] != "ok"}


def test_topics_are_made_with_three_replicas_of_which_two_confirm(cluster: Cluster, deployment: Deployment):
    """Whoever asks for topics and nothing else gets ones that survive the loss of a broker: Kafka's default is one."""
    cluster.forget(TOPICS)
    made = ordergate(deployment, "topics", "create", "--partitions", "3")
    assert made.returncode == 0, made.stderr
    with KafkaAdmin(cluster.servers) as admin:
        assert {one.replication for one in admin.existing(TOPICS).values()} == {3}
        assert {admin.topic_settings(name)["min.insync.replicas"] for name in TOPICS} == {"2"}
    assert looked(deployment) == {}


def test_what_is_kept_too_seldom_is_told_and_no_worker_starts(cluster: Cluster, deployment: Deployment):
    """A topic and Kafka's own offsets, each on one broker, would be lost with it: it is said before orders come in."""
    cluster.start_using(deployment.group_id)
    group = cluster.group_partition(deployment.group_id)
    cluster.reassign((SHOPIFY, 0), [1])
    cluster.reassign(group, [1])
    try:
        assert looked(deployment) == {
            SHOPIFY: "unsafe: 1 replicas, 2 in sync to confirm",
            "offsets.topic": "unsafe: 1 replicas, 2 in sync to confirm",
        }
        refused = ordergate(deployment, "run")
        assert refused.returncode == 2 and SHOPIFY in refused.stderr, refused.stderr
    finally:
        cluster.reassign(group, list(NODES))


def test_one_confirmation_is_told_too(cluster: Cluster, deployment: Deployment):
    """Three replicas of which one confirms: the newest records may be on that one alone when it is lost."""
    change = ConfigEntry("min.insync.replicas", "1", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, ORDERS.name, incremental_configs=[change])
    with AdminClient({"bootstrap.servers": cluster.servers, "log_level": 0}) as client:
        client.incremental_alter_configs([resource])[resource].result()
    assert looked(deployment) == {ORDERS.name: "unsafe: 3 replicas, 1 in sync to confirm"}


def test_a_broker_that_is_away_is_told_and_stops_no_start(cluster: Cluster, deployment: Deployment):
    """Work goes on with two of three: a worker may start, and whoever checks knows what another loss would cost."""
    cluster.nodes[2].stop()
    assert looked(deployment) == dict.fromkeys(TOPICS, "warn: 3 of 3 partitions are not in sync on all replicas")
    deployment.publish([shopify(shopify_order(1), "orders/create")])
    deployment.start()
    deployment.wait_decided(1)
    audit(deployment)
