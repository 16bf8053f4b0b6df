"""A consumer that alone finds no broker any more is replaced; one whose brokers are away for everybody is not."""

from __future__ import annotations

from typing import Any, cast

import pytest

from consumers.kafka_source import BrokerSilent
from ingest.worker.client_watch import ClientWatch

LOOK_S = 10.0


class Brokers:
    """Whom they answer, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answer_consumer = self.answer_others = True
        self.asked: list[float] = []
        """When the consumer asked."""
        self.replaced = 0
        self.watch = ClientWatch(cast("Any", self), self.ask_by_another, lambda: self.now)

    def ask(self) -> None:
        """As the source."""
        self.asked.append(self.now)
        if not self.answer_consumer:
            raise BrokerSilent("list_topics: timed out")

    def connect_anew(self) -> None:
        """As the source: the next client finds them."""
        self.replaced += 1
        self.answer_consumer = True

    def ask_by_another(self) -> None:
        if not self.answer_others:
            raise BrokerSilent("topic id: timed out")

    def look(self) -> bool:
        """One look; the next one is due afterwards."""
        try:
            return self.watch.look_now_and_then()
        finally:
            self.now += LOOK_S


@pytest.fixture
def brokers() -> Brokers:
    return Brokers()


def test_a_consumer_that_alone_is_not_answered_twice_is_replaced(brokers):
    """One question may get lost; the second one in a row tells that the client will not come back by itself."""
    assert not brokers.look()
    brokers.answer_consumer = False
    assert not brokers.look()
    assert brokers.replaced == 0
    assert brokers.look()
    assert brokers.replaced == 1


def test_the_next_client_is_watched_anew(brokers):
    """It has two looks of its own: what the one before it missed says nothing about it."""
    brokers.answer_consumer = False
    looks = [brokers.look(), brokers.look()]
    brokers.answer_consumer = False
    looks += [brokers.look(), brokers.look()]
    assert looks == [False, True, False, True]


def test_a_consumer_that_is_answered_stays(brokers):
    """However many looks there are."""
    assert not any(brokers.look() for _ in range(9))
    assert brokers.replaced == 0


def test_brokers_that_are_away_for_all_are_told_and_nothing_is_replaced(brokers):
    """Another client would find no more of them; what the worker does meanwhile is not the watch's."""
    brokers.answer_consumer = brokers.answer_others = False
    for _ in range(5):
        with pytest.raises(BrokerSilent):
            brokers.look()
    assert brokers.replaced == 0


@pytest.mark.parametrize("between", ["answered", "away for all"])
def test_the_count_starts_anew(brokers, between):
    """Two unanswered looks count in a row alone: not with an answer between them, nor with a look at nobody."""
    brokers.answer_consumer = False
    assert not brokers.look()
    if between == "answered":
        brokers.answer_consumer = True
        assert not brokers.look()
        brokers.answer_consumer = False
    else:
        brokers.answer_others = False
        with pytest.raises(BrokerSilent):
            brokers.look()
        brokers.answer_others = True
    assert not brokers.look()
    assert brokers.replaced == 0
    assert brokers.look()


@pytest.mark.parametrize("answers", [(True, True), (False, True), (False, False)])
def test_the_brokers_are_asked_now_and_then(brokers, answers):
    """At most every ten seconds, however often the loop turns, and whoever is answered."""
    brokers.answer_consumer, brokers.answer_others = answers
    while brokers.now < 60:
        try:
            brokers.watch.look_now_and_then()
        except BrokerSilent:
            assert not brokers.answer_others
        brokers.now += 0.5
    pauses = [later - earlier for earlier, later in zip(brokers.asked, brokers.asked[1:], strict=False)]
    assert len(brokers.asked) == 6
    assert min(pauses) >= LOOK_S
