"""An output topic that lost what was published: everything stops, and the journal publishes exactly what is missing."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from ingest.kafka_admin import KafkaAdmin
from producers.topics import OUTPUT_TOPICS
from tests.ingest.cli.conftest import facts
from tests.integration.deployment import Deployment, audit, wait_until
from tests.integration.test_recover import goes_on, placed, recover

pytestmark = [pytest.mark.stack, pytest.mark.long]


def lose(deployment: Deployment, name: str) -> None:
    """Delete an output topic and make it again, empty."""
    (topic,) = [one for one in OUTPUT_TOPICS if one.name == name]
    client = AdminClient({"bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers})
    for future in client.delete_topics([name]).values():
        future.result()
    with KafkaAdmin(deployment.endpoints.kafka_bootstrap_servers) as asked:
        wait_until(lambda: not asked.existing([name]), 20, "the topic is gone")
        for future in client.create_topics([NewTopic(name, 3, 1, config=topic.config())]).values():
            future.result()
        wait_until(lambda: bool(asked.existing([name])), 20, "the topic is there again")


@pytest.mark.parametrize("name", ["oms.order-changes.v1", "oms.orders.v1"])
def test_what_an_output_topic_lost_is_published_again(deployment: Deployment, name: str):
    """The loss is noticed while a worker runs, too; afterwards readers have every record once."""
    placed(deployment, 1, 30)
    worker = deployment.start()
    deployment.wait_decided(30)
    known = "SELECT count(*) FROM output_ends WHERE end_offset > 0"
    wait_until(lambda: deployment.rows(known) != [(0,)], 30, "the ends are remembered", deployment.state)
    lose(deployment, name)
    wait_until(lambda: worker.text().count("partition_halted") >= 6, 60, "all partitions halt", deployment.state)
    assert "an output topic lost records" in worker.text()
    assert worker.stop() == 0

    (plan,) = facts(recover(deployment, "--json"))
    assert plan["cause"] == "an output topic lost records" and "publish 30 records" in plan["steps"][0], plan
    repaired = recover(deployment, "--apply")
    assert repaired.exit_code == 0, repaired.output
    assert facts(recover(deployment, "--json")) == []
    audit(deployment)
    goes_on(deployment, 30)
