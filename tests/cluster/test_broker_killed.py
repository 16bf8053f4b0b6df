"""One of three brokers is killed under load: nothing is lost or doubled, and work goes on before it is back."""

from __future__ import annotations

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.work import Work, at_work
from tests.integration.deployment import Deployment
from tests.integration.records import SHOPIFY

pytestmark = [pytest.mark.stack, pytest.mark.long]

ROLES = {
    "leader of a raw partition": lambda work: work.cluster.leader((SHOPIFY, 1)),
    "coordinator of transactions": lambda work: min(work.coordinators()),
    "coordinator of the group": lambda work: work.cluster.leader_of_group(work.deployment.group_id),
}


def kill(work: Work, role: str) -> None:
    """kill -9 of the broker that has this role now; it comes back when work has gone on without it."""
    victim = work.cluster.nodes[ROLES[role](work)]
    victim.kill()
    work.wait_goes_on(f"{role} killed")
    victim.start()
    work.cluster.wait_whole()


@pytest.mark.parametrize(
    ("role", "protocol"), [*((role, "consumer") for role in ROLES), ("coordinator of the group", "classic")]
)
def test_a_killed_broker_costs_nothing_but_time(cluster: Cluster, deployment: Deployment, role: str, protocol: str):
    """kill -9 of the broker that matters most to a worker, twice: nobody has to repair anything."""
    deployment.settings["ORDERGATE_GROUP_PROTOCOL"] = protocol
    with at_work(cluster, deployment) as work:
        for _ in range(2):
            kill(work, role)
