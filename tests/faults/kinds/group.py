"""Workers that come and go, partitions that are added, and one partition that has nearly everything."""

from __future__ import annotations

from dataclasses import replace

from confluent_kafka.admin import NewPartitions

from tests.faults.case import Case, Kind
from tests.faults.operator import admin
from tests.faults.stream import PARTITIONS
from tests.integration.deployment import RAW_TOPICS


class ComeAndGo(Kind):
    """Workers join and leave at random: cleanly, or by SIGKILL."""

    name = "workers come and go"

    def begin(self, case: Case) -> None:
        case.seconds = 8.0
        case.supervisor.add()

    def strike(self, case: Case) -> None:
        chance, supervisor = case.chance, case.supervisor
        for _ in range(chance.randint(3, 6)):
            present = [post for post in supervisor.posts if post.wanted]
            if len(present) < 2 or (len(present) < 4 and chance.random() < 0.5):
                supervisor.add()
                case.strike("one joins")
            else:
                leaving = chance.choice(present)
                if chance.random() < 0.5:
                    code = supervisor.leave(leaving)
                    case.strike("one leaves")
                    assert code in (0, -15), f"a worker that was told to leave ended with {code}"
                else:
                    supervisor.kill(leaving)
                    case.strike("one is killed")
            case.pause(0.3, 2.5)
        if not any(post.wanted for post in supervisor.posts):
            supervisor.add()


class PartitionsAdded(Kind):
    """A raw topic gets more partitions under load, and keys go elsewhere from then on."""

    name = "partitions added"

    def arrange(self, case: Case) -> None:
        # In a classic group the members look for new partitions, every five minutes; here the broker does at once.
        case.deployment.settings["ORDERGATE_GROUP_PROTOCOL"] = "consumer"

    def strike(self, case: Case) -> None:
        case.wait_decided(0.1)
        more = PARTITIONS + case.chance.randint(1, 3)
        with admin(case) as client:
            for future in client.create_partitions([NewPartitions(topic, more) for topic in RAW_TOPICS]).values():
                future.result()
        case.strike(f"{more} partitions from now on")
        case.publish(replace(case.shape, count=150, partitions=more))


class Hot(Kind):
    """Nearly all orders of a topic are in one partition, while workers are killed."""

    name = "one hot partition"

    def arrange(self, case: Case) -> None:
        case.shape = replace(case.shape, hot=case.chance.uniform(0.85, 1))

    def begin(self, case: Case) -> None:
        for _ in range(case.chance.randint(2, 3)):
            case.supervisor.add()

    def strike(self, case: Case) -> None:
        for _ in range(case.chance.randint(1, 2)):
            case.wait_decided(case.chance.uniform(0.05, 0.4))
            case.supervisor.kill(case.chance.choice(case.supervisor.posts))
            case.strike("one is killed")


KINDS: list[Kind] = [ComeAndGo(), PartitionsAdded(), Hot()]
