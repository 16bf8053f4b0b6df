"""All brokers are restarted one after the other, as in every upgrade, while orders come in."""

from __future__ import annotations

import pytest

from tests.cluster.cluster import NODES, Cluster
from tests.cluster.work import at_work
from tests.integration.deployment import Deployment

pytestmark = [pytest.mark.stack, pytest.mark.long]


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_a_rolling_restart_stops_nothing(cluster: Cluster, deployment: Deployment, protocol: str):
    """Each broker ends in an orderly way and comes back; work goes on with two of them, and nothing halts."""
    deployment.settings["ORDERGATE_GROUP_PROTOCOL"] = protocol
    with at_work(cluster, deployment) as work:
        for number in NODES:
            cluster.nodes[number].stop()
            work.wait_goes_on(f"broker {number} stopped")
            cluster.nodes[number].start()
            cluster.wait_whole()
