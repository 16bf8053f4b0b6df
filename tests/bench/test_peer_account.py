"""Losses and doubles of a peer are counted from outside, one by one: no framework is blamed or praised wrongly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.causes import Cause
from bench.peers.account import Account, account

RAW = "raw.shopify.orders.v1"
EVENTS = {
    Cause(RAW, partition, offset): b"%d-%d" % (partition, offset % 2) for partition in (0, 1) for offset in range(4)
}
IN_ORDER = list(EVENTS)


def test_one_output_for_each_event_is_clean():
    """A run that did everything right is told so."""
    assert account(EVENTS, IN_ORDER) == Account(8, lost=0, doubled=0, strange=0, out_of_order=0)
    assert account(EVENTS, IN_ORDER).is_clean


def test_an_event_without_output_is_lost():
    """Each missing one counts, wherever it is."""
    found = account(EVENTS, [one for one in IN_ORDER if one.offset not in (0, 3)])
    assert (found.lost, found.doubled) == (4, 0)
    assert not found.is_clean


def test_every_output_beyond_the_first_is_a_double():
    """Three outputs of one event are two too many."""
    again = Cause(RAW, 1, 2)
    found = account(EVENTS, [*IN_ORDER, again, again])
    assert (found.lost, found.doubled, found.out_of_order) == (0, 2, 0)


def test_a_loss_is_not_hidden_by_a_double():
    """As many outputs as events proves nothing."""
    outputs = [*IN_ORDER[1:], IN_ORDER[1]]
    assert len(outputs) == len(EVENTS)
    found = account(EVENTS, outputs)
    assert (found.lost, found.doubled) == (1, 1)


def test_an_output_of_another_event_is_strange():
    """What names no event of the run is neither a double nor makes up for a loss."""
    assert account(EVENTS, [*IN_ORDER, Cause(RAW, 0, 4)]).strange == 1


def test_an_order_told_backwards_is_out_of_order():
    """A later state of an order must not be followed by an earlier one; other orders may come in between."""
    first, other, second = Cause(RAW, 0, 0), Cause(RAW, 0, 1), Cause(RAW, 0, 2)
    assert account(EVENTS, [first, other, second]).out_of_order == 0
    assert account(EVENTS, [other, first, second]).out_of_order == 0
    assert account(EVENTS, [second, other, first]).out_of_order == 1


@given(st.lists(st.sampled_from(IN_ORDER)))
def test_events_and_outputs_add_up(outputs):
    """Whatever comes out: seen and lost are all events, first and further outputs are all outputs."""
    found = account(EVENTS, outputs)
    assert found.events - found.lost == len(set(outputs))
    assert found.events - found.lost + found.doubled == len(outputs)
