"""What operators are told of partitions that do not go on, and how often."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from consumers.catalogue import CHANNELS
from ingest.raw_event import RawEvent
from ingest.state import Carrier
from ingest.telemetry.health import Health
from ingest.telemetry.metrics import Metrics
from ingest.understanding import Understood
from ingest.worker.observer import Observer
from ingest.worker.partition import OwnedPartition, Phase
from ingest.worker.phases import Phases
from quality import contract_files

TOPIC = "raw.web.orders.v1"
OTHER = Carrier(TOPIC, 1, 7)
WEB = CHANNELS["web"]
CONTRACT = contract_files.load(WEB.contract)
START_S = 1_000.0


class StandingTime:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = START_S

    def now(self):
        return int(self.seconds * 1_000_000)

    def monotonic(self):
        return self.seconds

    def cpu(self):
        return 0.0

    def sleep(self, seconds):
        self.seconds += seconds


class Seen:
    """An observer, one partition, and what came out."""

    def __init__(self) -> None:
        self.time = StandingTime()
        self.metrics = Metrics()
        self.observer = Observer(self.metrics, Health(60), Phases(self.time), self.time)
        self.partition = OwnedPartition((TOPIC, 0), phase=Phase.RUNNING)

    def wait(self, carrier):
        event = RawEvent(TOPIC, 0, 5, None, b"{}", [], int(START_S * 1000), 1)
        self.partition.hold([Understood(event, WEB, CONTRACT)])
        self.partition.waits_for = carrier

    def after(self, seconds):
        """Warnings of a turn of the loop so many seconds later."""
        self.time.sleep(seconds)
        with capture_logs() as told:
            self.observer.tick([self.partition])
        return told

    def lag(self):
        families = text_string_to_metric_families(self.metrics.exposition().decode())
        (lag,) = [s.value for f in families for s in f.samples if s.name == "ordergate_time_lag_seconds"]
        return lag


@pytest.fixture
def seen():
    return Seen()


def test_a_long_hand_over_is_told_once_with_what_it_waits_for(seen):
    """An operator learns which partition has to be looked at, and is not told again each turn."""
    seen.wait(OTHER)
    assert [told for _ in range(10) for told in seen.after(1.0)] == []
    (told,) = seen.after(1.1)
    assert (told["event"], told["log_level"]) == ("hand_over_waits", "warning")
    assert (told["topic"], told["partition"], told["behind"]) == (TOPIC, 0, f"{TOPIC}/1 row 7")
    assert seen.after(60.0) == []


def test_the_age_of_events_that_wait_goes_on_rising(seen):
    """A lag that stands still while events wait would hide it from every alert."""
    seen.wait(OTHER)
    seen.after(3.0)
    assert seen.lag() == 3.0
    seen.after(4.0)
    assert seen.lag() == 7.0


def test_each_hand_over_has_its_own_time(seen):
    """Many short hand-overs one after another are healthy."""
    for row in range(7, 12):
        seen.wait(Carrier(TOPIC, 1, row))
        assert seen.after(6.0) == []
    seen.partition.take_held()
    seen.partition.waits_for = None
    assert seen.after(60.0) == []
    seen.wait(Carrier(TOPIC, 1, 11))
    assert seen.after(6.0) == []
