"""The order of decisions can be told from the outputs, also from what compaction has left of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.repair.outputs import Published
from ingest.repair.true_order import Cause
from ingest.repair.versions import of_order, versions
from schemas import identifiers


def cause(offset: int) -> Cause:
    return Cause(("raw", 0), offset)


def change(order_id: str, version: int) -> Published:
    """Offset `version` caused it."""
    name = identifiers.change_id(order_id, version).encode()
    return Published(("oms.order-changes.v1", name), cause(version), b"", order_id.encode())


@given(st.lists(st.integers(1, 30), unique=True), st.lists(st.integers(1, 30), unique=True))
def test_every_change_tells_the_version_that_it_made(of_a: list[int], of_b: list[int]) -> None:
    """Whichever orders it is among, wherever the records begin, and also where a repair has published one late."""
    published = [change("a", version) for version in of_a] + [change("b", version) for version in of_b]
    told = versions(published)
    assert told == [(of_order(one), v, cause(v)) for one, of in (("a", of_a), ("b", of_b)) for v in of]


def test_an_order_is_told_by_its_changes_alone() -> None:
    """The topic of the orders has the newest version only: to ask it, too, would make no difference."""
    order = Published(("oms.orders.v1", b"a/2"), cause(2), b"", b"a")
    assert versions([change("a", 1), order, change("a", 2)]) == versions([change("a", 1), change("a", 2)])


def test_a_guest_is_told_by_its_records() -> None:
    """They have their version in their id."""
    guest = Published(("oms.guest-conversions.v1", b"g/7"), cause(4), b"", b"g")
    assert versions([guest]) == [("oms.guest-conversions.v1 g", 7, cause(4))]


def test_a_change_of_no_version_tells_nothing() -> None:
    """What cannot be placed holds nothing else up."""
    odd = Published(("oms.order-changes.v1", b"made by somebody else"), cause(1), b"", b"a")
    assert versions([odd]) == []
