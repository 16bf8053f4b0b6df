"""Of any set of snapshots the same one wins, whatever arrived first."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.candidate import Clock
from quality.lifecycle.ordering import Arrival, Grade, compare, rank
from tests.quality.orders import clean

GRADES: tuple[Grade, ...] = ("A", "B", "C")


def clocks(grade: Grade) -> st.SearchStrategy[Clock]:
    return st.builds(
        Clock,
        sequence=st.integers(0, 3) if grade == "A" else st.just(0),
        updated_at=st.integers(0, 2),
        rank=st.integers(0, 2),
        digest=st.sampled_from([b"a", b"b", b"c"]),
    )


def replay(grade: Grade, trace: tuple[Clock, ...]) -> Clock:
    """What is known after a trace: content is replaced, and the clock moves, as Arrival says."""
    known = trace[0]
    for candidate in trace[1:]:
        arrival = compare(grade, candidate, known)
        if arrival is Arrival.STALE:
            assert candidate < known
            continue
        known = max(known, candidate)
    return known


@pytest.mark.parametrize("grade", GRADES)
@given(data=st.data())
def test_every_permutation_of_a_trace_ends_with_the_same_content(grade: Grade, data: st.DataObject) -> None:
    """Webhooks that overtake each other never leave two readers with two different orders."""
    trace = data.draw(st.lists(clocks(grade), min_size=1, max_size=4))
    winners = {replay(grade, permutation) for permutation in itertools.permutations(trace + trace[:1])}
    assert len(winners) == 1
    assert winners == {max(trace)}


@pytest.mark.parametrize("grade", GRADES)
@given(data=st.data())
def test_what_is_called_newer_is_greater_and_what_is_called_stale_is_smaller(grade: Grade, data: st.DataObject) -> None:
    """A word never contradicts the order that decides which content stays."""
    candidate, known = data.draw(clocks(grade)), data.draw(clocks(grade))
    match compare(grade, candidate, known):
        case Arrival.NEWER | Arrival.GAP:
            assert candidate > known
        case Arrival.STALE:
            assert candidate < known
        case Arrival.SAME:
            assert candidate.digest == known.digest
        case Arrival.CONFLICT:
            assert candidate.digest != known.digest
            assert candidate.sequence == known.sequence


@pytest.mark.parametrize(
    ("grade", "candidate", "known", "arrival"),
    [
        ("A", Clock(3, 9, 0, b"b"), Clock(2, 10, 0, b"a"), Arrival.NEWER),
        ("A", Clock(1, 99, 0, b"b"), Clock(2, 10, 0, b"a"), Arrival.STALE),
        ("A", Clock(6, 10, 0, b"b"), Clock(2, 10, 0, b"a"), Arrival.GAP),
        ("A", Clock(2, 11, 0, b"b"), Clock(2, 10, 0, b"a"), Arrival.CONFLICT),
        ("A", Clock(2, 11, 0, b"a"), Clock(2, 10, 0, b"a"), Arrival.SAME),
        ("A", Clock(0, 11, 0, b"b"), Clock(0, 10, 0, b"a"), Arrival.NEWER),
        ("B", Clock(0, 11, 0, b"b"), Clock(0, 10, 5, b"a"), Arrival.NEWER),
        ("B", Clock(0, 9, 5, b"b"), Clock(0, 10, 0, b"a"), Arrival.STALE),
        ("B", Clock(0, 10, 5, b"b"), Clock(0, 10, 4, b"a"), Arrival.NEWER),
        ("B", Clock(0, 10, 3, b"b"), Clock(0, 10, 4, b"a"), Arrival.STALE),
        ("B", Clock(0, 10, 4, b"b"), Clock(0, 10, 4, b"a"), Arrival.CONFLICT),
        ("C", Clock(0, 11, 0, b"a"), Clock(0, 10, 0, b"a"), Arrival.SAME),
        ("C", Clock(0, 11, 0, b"b"), Clock(0, 10, 0, b"a"), Arrival.NEWER),
    ],
)
def test_arrivals_by_grade(grade: Grade, candidate: Clock, known: Clock, arrival: Arrival) -> None:
    """Versions decide where there are any, then times, then how far along the order is."""
    assert compare(grade, candidate, known) is arrival


def test_rank_compares_the_axes_in_turn() -> None:
    """Of two readings of one second, the order that is further along is the newer one."""
    pending = clean(order_status="PENDING", payment_status="REFUNDED", fulfilment_status="RETURNED")
    confirmed = clean(order_status="CONFIRMED", payment_status="UNPAID", fulfilment_status="UNFULFILLED")
    paid = clean(order_status="CONFIRMED", payment_status="PAID", fulfilment_status="UNFULFILLED")
    ready = clean(order_status="CONFIRMED", payment_status="PAID", fulfilment_status="READY")
    unknown = clean(order_status="UNKNOWN", payment_status="UNKNOWN", fulfilment_status="UNKNOWN")
    assert rank(unknown) < rank(pending) < rank(confirmed) < rank(paid) < rank(ready)
