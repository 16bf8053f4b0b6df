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
        self.answer_others = True
        self.lost = 0
        """Of the consumer's next questions, so many get no answer."""
        self.asked: list[float] = []
        """When the consumer asked."""
        self.replaced = 0
        self.watch = ClientWatch(cast("Any", self), self.ask_by_another, lambda: self.now)

    def ask(self) -> None:
        """As the source."""
        self.asked.append(self.now)
        if self.lost:
            self.lost -= 1
            raise BrokerSilent("list_topics: timed out")

    def connect_anew(self) -> None:
        """As the source."""
        self.replaced += 1

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
    """Half a minute later, events would still wait for a client that does not come back by itself."""
    assert not brokers.look()
    brokers.lost = 2
    assert brokers.look()
    assert brokers.replaced == 1
    assert not brokers.look(), "the next one is answered"


def test_a_question_may_get_lost(brokers):
    """A consumer that is answered when it asks once more stays, however often that happens."""
    for _ in range(5):
        brokers.lost = 1
        assert not brokers.look()
    assert brokers.replaced == 0


def test_brokers_that_are_away_for_all_are_told_and_nothing_is_replaced(brokers):
    """Another client would find no more of them; what the worker does meanwhile is not the watch's."""
    brokers.lost, brokers.answer_others = 100, False
    for _ in range(5):
        with pytest.raises(BrokerSilent):
            brokers.look()
    assert brokers.replaced == 0


@pytest.mark.parametrize("answers_others", [True, False])
@pytest.mark.parametrize("answers", [True, False])
def test_the_brokers_are_asked_now_and_then(brokers, answers, answers_others):
    """Every ten seconds, however often the loop turns, and whoever is answered."""
    brokers.lost, brokers.answer_others = 0 if answers else 1_000, answers_others
    while brokers.now < 60:
        try:
            brokers.watch.look_now_and_then()
        except BrokerSilent:
            assert not brokers.answer_others
        brokers.now += 0.5
    assert sorted(set(brokers.asked)) == [0, 10, 20, 30, 40, 50]
