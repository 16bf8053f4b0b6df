"""The web channel: what its envelope says, and what happens when it does not say it."""

from __future__ import annotations

import pytest

from consumers.channel import Ordering
from consumers.web import CHANNEL
from mappers.candidate import DefectiveEvent

EVENT = {
    "event_id": "01JDF3K9Q2V7X8M4N5P6R7S801",
    "event_type": "checkout.started",
    "schema_version": "1",
    "occurred_at": "2026-11-24T18:01:02+01:00",
    "store": "store-be",
    "session_id": "ses_1",
    "data": {"checkout_id": "chk_1"},
}


def test_kind_store_and_id_stand_in_the_body():
    """A storefront needs no header at all; content-type and the like are no concern of the channel."""
    envelope = CHANNEL.identify({"content-type": b"application/json"}, EVENT)
    assert (envelope.event_kind, envelope.source_account, envelope.event_id) == (
        "checkout.started",
        "store-be",
        "01JDF3K9Q2V7X8M4N5P6R7S801",
    )


def test_a_header_may_repeat_the_kind_but_not_contradict_it():
    """A producer that sends two kinds of one event is told so, instead of one of them being believed."""
    assert CHANNEL.identify({"x-event-type": b"checkout.started"}, EVENT).event_kind == "checkout.started"
    with pytest.raises(DefectiveEvent) as raised:
        CHANNEL.identify({"x-event-type": b"order.placed"}, EVENT)
    (defect,) = raised.value.defects
    assert (defect.rule, defect.path) == ("payload_shape", "event_type")


def test_a_contradicting_header_hides_nothing_else_that_is_wrong():
    """Whoever repairs the header does not find the body's defects only after sending again."""
    event = {**EVENT, "data": {"checkout_id": 1}}
    with pytest.raises(DefectiveEvent) as raised:
        CHANNEL.identify({"x-event-type": b"order.placed"}, event)
    assert [defect.path for defect in raised.value.defects] == ["event_type", "data.checkout_id"]


@pytest.mark.parametrize("name", ["event_type", "store", "event_id"])
@pytest.mark.parametrize("value", [None, "", 7, ["a"]])
def test_an_envelope_without_a_name_is_refused_with_everything_else_that_is_wrong(name, value):
    """A developer repairs an event once, not once per error."""
    event = {**EVENT, name: value, "data": {"checkout_id": 1}}
    with pytest.raises(DefectiveEvent) as raised:
        CHANNEL.identify({}, event)
    paths = {defect.path for defect in raised.value.defects}
    assert name in paths
    assert name == "event_type" or "data.checkout_id" in paths


def test_versions_of_web_orders_are_contiguous():
    """Grade A: a jump is a gap that is told, a lower version is stale."""
    assert CHANNEL.ordering is Ordering.SEQUENCE
