"""Another configuration, or another mapper version, takes over while the journal has rows that Kafka lacks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from audit import Report
from producers.journal_records import unpack
from producers.topics import OUTPUT_TOPICS
from tests.faults.case import Case, Kind
from tests.integration.deployment import wait_until


class Changed(Kind):
    """All workers are killed with a journal in flight; those that follow are started differently."""

    def __init__(self, what: str) -> None:
        self.name = f"{what} changed with a journal in flight"
        self.what = what

    def begin(self, case: Case) -> None:
        self.posts = [
            case.supervisor.add([f"kill:after-database-commit:{case.chance.randint(1, 4)}:0"], **self._settings(case))
            for _ in range(case.chance.randint(1, 2))
        ]
        for post in self.posts:
            post.armed = [self._arguments()]
            post.settings |= self._settings(case)

    def strike(self, case: Case) -> None:
        wait_until(lambda: case.supervisor.restarts >= len(self.posts), 90, "they are killed")
        case.publish(replace(case.shape, count=100))

    def _arguments(self) -> list[str]:
        return ["version=99.0.0"] if self.what == "mapper version" else []

    def _settings(self, case: Case) -> dict[str, str]:
        if self.what == "mapper version":
            return {}
        chance = case.chance
        return {
            "ORDERGATE_BATCH_SIZE": str(chance.choice((1, 7, 500))),
            "ORDERGATE_GROUP_PROTOCOL": chance.choice(("consumer", "classic")),
            "ORDERGATE_GATHER_MS": str(chance.choice((0, 5, 50))),
            "ORDERGATE_RETRY_BACKOFF_MS": str(chance.choice((5, 50, 200))),
            "ORDERGATE_PARK_DEADLINE": chance.choice(("PT1S", "PT15M")),
            "ORDERGATE_POLL_TIMEOUT_MS": str(chance.choice((10, 100, 1000))),
        }

    def judge(self, case: Case, report: Report) -> None:
        """What was published is byte for byte what was decided, by whichever version decided it."""
        super().judge(case, report)
        journal = Counter(
            (record.topic, record.key, record.value)
            for (packed,) in case.deployment.rows("SELECT records FROM journal")
            for record in unpack(packed)
        )
        read = case.deployment.read(*(topic.name for topic in OUTPUT_TOPICS))
        published = Counter((m.topic(), m.key(), m.value()) for messages in read.values() for m in messages)
        assert published == journal, "Kafka has other bytes than the journal"
        if self.what == "mapper version":
            codec = case.deployment.codec()
            versions = {codec.decode(m.value())[1]["lineage"]["mapper_run_id"] for m in read["oms.order-changes.v1"]}
            assert len({v.partition("/")[2] for v in versions}) == 2, f"both versions decided: {versions}"


KINDS: list[Kind] = [Changed("configuration"), Changed("mapper version")]
