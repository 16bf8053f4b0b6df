"""What the measurement of an audit's speed is made on is a healthy log: its figures are of an audit that says so."""

from __future__ import annotations

from audit.examination import Examination
from audit.reading import Reader
from tests.audit.healthy import TOPICS, schema
from tests.audit.measure import RAW_TOPIC, Input


def test_the_generated_input_is_healthy_and_whole():
    """Every event has its outcome and its outputs, and the versions of an order are far apart in all logs."""
    given = Input(3_000)
    with Examination(Reader(TOPICS, [RAW_TOPIC], schema), TOPICS) as examination:
        assert list(examination.take_outputs(given.outputs())) == []
        examination.take_raw(given.raw())
        examination.take_outcomes(given.outcomes())
        assert list(examination.violations(given.scope())) == []
    assert examination.events == 3_000
    assert examination.records == {RAW_TOPIC: 3_000, TOPICS.orders: 3_000, TOPICS.changes: 3_000, TOPICS.guests: 1_000}
    assert len(next(given.raw()).value) > 5_000
    assert len(next(given.outputs()).value) > 2_000
