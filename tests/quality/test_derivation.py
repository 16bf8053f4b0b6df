"""An order's statuses follow from its amounts and quantities, whatever its source displays."""

import copy
import itertools
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mappers.candidate import MappedStatuses
from quality.lifecycle.derivation import MONEY_KINDS, derive
from schemas.types import CanonicalOrder, Fulfilment
from tests.quality.orders import MINUTE, NOW, adjustment, changed, clean, eur, fulfilment

CONFIRMED = MappedStatuses("CONFIRMED", "PAID", "UNFULFILLED")
EVERYTHING = {0: 2, 1: 1, 2: 1}


def statuses(order: CanonicalOrder) -> tuple[str, str, str]:
    return order["order_status"], order["payment_status"], order["fulfilment_status"]


def amounts(**totals: int | None) -> CanonicalOrder:
    """The clean order with totals in cents; `refunded` becomes a completed refund."""
    refunded = totals.pop("refunded", 0)
    order = changed({f"totals.{name}": None if value is None else eur(value) for name, value in totals.items()})
    return {**order, "adjustments": [adjustment(refunded)] if refunded else []}


@pytest.mark.parametrize(
    ("totals", "mapped", "derived"),
    [
        # total_current, authorised, captured, refunded
        ((12_100, 0, 0, 0), "UNPAID", "UNPAID"),
        ((12_100, 0, 0, 0), "PENDING", "PENDING"),
        ((12_100, 0, 0, 0), "FAILED", "FAILED"),
        ((12_100, 0, 0, 0), "EXPIRED", "EXPIRED"),
        ((12_100, 0, 0, 0), "VOIDED", "VOIDED"),
        ((12_100, 0, 0, 0), "PAID", "UNPAID"),
        ((12_100, 0, 0, 0), "AUTHORIZED", "VOIDED"),
        ((12_100, None, 0, 0), "AUTHORIZED", "AUTHORIZED"),
        ((12_100, 12_100, 0, 0), "PENDING", "AUTHORIZED"),
        ((12_100, 12_099, 0, 0), "AUTHORIZED", "PARTIALLY_AUTHORIZED"),
        ((12_100, 0, 12_099, 0), "PAID", "PARTIALLY_PAID"),
        ((12_100, 0, 12_100, 0), "PENDING", "PAID"),
        ((12_100, 0, 12_100, 0), "VOIDED", "PAID"),
        ((12_100, 0, 12_101, 0), "PAID", "OVERPAID"),
        ((12_100, 0, 12_100, 1), "PAID", "PARTIALLY_REFUNDED"),
        ((12_100, 0, 12_100, 12_100), "PAID", "REFUNDED"),
        ((0, 0, 12_100, 12_100), "PARTIALLY_REFUNDED", "REFUNDED"),
        ((12_100, 0, 0, 1), "PENDING", "PARTIALLY_REFUNDED"),
        ((12_100, 0, 12_100, 0), "REFUNDED", "REFUNDED"),
        ((0, 0, 0, 0), "UNPAID", "PAID"),
        ((0, 0, 0, 0), "VOIDED", "VOIDED"),
        ((12_100, None, None, 0), "EXTERNALLY_SETTLED", "EXTERNALLY_SETTLED"),
        ((12_100, None, None, 0), "PAID", "PAID"),
        ((12_100, None, None, 1), "PAID", "PARTIALLY_REFUNDED"),
        ((12_100, None, None, 1), "REFUNDED", "REFUNDED"),
        ((12_100, None, None, 12_100), "EXTERNALLY_SETTLED", "REFUNDED"),
    ],
)
def test_payment_status_follows_the_money(
    totals: tuple[int, int | None, int | None, int], mapped: str, derived: str
) -> None:
    """Finance sees what was authorised, captured and paid back, not what a shop's badge says."""
    current, authorised, captured, refunded = totals
    order = amounts(total_current=current, authorised=authorised, captured=captured, refunded=refunded)
    assert derive(order, MappedStatuses("CONFIRMED", mapped, "UNFULFILLED"))["payment_status"] == derived


def test_amounts_of_different_exponents_are_compared_exactly() -> None:
    """A payment written with more decimals is neither over- nor underpaid."""
    order = changed({"totals.captured": eur(12_100_000, 5), "totals.authorised": eur(0, 4)})
    assert derive(order, CONFIRMED)["payment_status"] == "PAID"
    order = changed({"totals.captured": eur(12_100_001, 5)})
    assert derive(order, CONFIRMED)["payment_status"] == "OVERPAID"


@pytest.mark.parametrize(
    ("fulfilments", "adjustments", "expected"),
    [
        ([], [], ("CONFIRMED", "UNFULFILLED")),
        ([fulfilment(EVERYTHING, "PENDING")], [], ("CONFIRMED", "UNFULFILLED")),
        ([fulfilment(EVERYTHING, "IN_PROGRESS")], [], ("PROCESSING", "IN_PROGRESS")),
        ([fulfilment(EVERYTHING, "READY")], [], ("PROCESSING", "READY")),
        ([fulfilment(EVERYTHING, "CANCELLED")], [], ("CONFIRMED", "UNFULFILLED")),
        ([fulfilment({0: 1})], [], ("PROCESSING", "PARTIALLY_FULFILLED")),
        ([fulfilment({0: 2, 1: 1}), fulfilment({2: 1}, id_="f2")], [], ("COMPLETED", "FULFILLED")),
        ([fulfilment(EVERYTHING, "DELIVERED")], [], ("COMPLETED", "DELIVERED")),
        ([fulfilment(EVERYTHING, "DELIVERY_FAILED")], [], ("PROCESSING", "DELIVERY_FAILED")),
        (
            [fulfilment({0: 2, 1: 1}), fulfilment({2: 1}, "DELIVERED", "f2")],
            [],
            ("COMPLETED", "PARTIALLY_DELIVERED"),
        ),
        (
            [fulfilment(EVERYTHING)],
            [adjustment(1_000, {2: 1}, returned=True)],
            ("COMPLETED", "PARTIALLY_RETURNED"),
        ),
        (
            [fulfilment(EVERYTHING)],
            [adjustment(0, EVERYTHING, "RETURN", returned=True)],
            ("COMPLETED", "RETURNED"),
        ),
        (
            [fulfilment({0: 2, 1: 1})],
            [adjustment(1_000, {1: 1}, "RETURN", returned=True)],
            ("PROCESSING", "PARTIALLY_FULFILLED"),
        ),
        (
            [fulfilment({0: 2, 1: 1})],
            [adjustment(1_000, {2: 1}, "RETURN", returned=True)],
            ("COMPLETED", "PARTIALLY_RETURNED"),
        ),
        (
            [fulfilment({0: 2, 1: 1})],
            [adjustment(0, {2: 1}, "CANCELLATION")],
            ("COMPLETED", "FULFILLED"),
        ),
        ([], [adjustment(0, EVERYTHING, "CANCELLATION")], ("CONFIRMED", "CANCELLED")),
    ],
)
def test_fulfilment_and_order_status_follow_the_goods(
    fulfilments: list[Fulfilment], adjustments: list[Any], expected: tuple[str, str]
) -> None:
    """A parcel, a return or a removed line moves the order without the source saying a word."""
    order = derive(clean(fulfilments=fulfilments, adjustments=adjustments), CONFIRMED)
    assert (order["order_status"], order["fulfilment_status"]) == expected


@pytest.mark.parametrize("mapped", ["CANCELLED", "CLOSED", "PENDING", "ON_HOLD", "REJECTED", "EXPIRED"])
def test_a_sellers_decision_stands(mapped: str) -> None:
    """Shipping a cancelled or held order does not un-cancel or release it."""
    order = clean(fulfilments=[fulfilment(EVERYTHING)])
    assert derive(order, MappedStatuses(mapped, "PAID", "FULFILLED"))["order_status"] == mapped


def test_what_was_received_is_not_waiting_for_confirmation() -> None:
    """An order whose goods are with the buyer is nobody's to confirm any more."""
    order = clean(fulfilments=[fulfilment(EVERYTHING, "DELIVERED")])
    assert derive(order, MappedStatuses("PENDING", "PAID", "FULFILLED"))["order_status"] == "COMPLETED"
    assert derive(order, MappedStatuses("ON_HOLD", "PAID", "FULFILLED"))["order_status"] == "ON_HOLD"


@pytest.mark.parametrize("mapped", ["SCHEDULED", "BACKORDERED", "FULFILLED", "DELIVERED", "UNKNOWN"])
def test_without_parcels_the_source_is_believed(mapped: str) -> None:
    """A channel that tells no parcels still moves its orders."""
    order = derive(clean(), MappedStatuses("CONFIRMED", "PAID", mapped))
    assert order["fulfilment_status"] == mapped
    assert order["order_status"] == ("COMPLETED" if mapped in ("FULFILLED", "DELIVERED") else "CONFIRMED")


def test_an_order_of_nothing_to_ship_needs_no_fulfilment() -> None:
    """A gift card by e-mail never waits for a parcel."""
    order = changed({f"lines[{index}].requires_shipping": False for index in range(3)})
    assert derive(order, MappedStatuses("CONFIRMED", "PAID", "UNKNOWN"))["fulfilment_status"] == "NOT_REQUIRED"


@pytest.mark.parametrize(("mapped", "derived"), [("UNFULFILLED", "UNFULFILLED"), ("UNKNOWN", "NOT_REQUIRED")])
def test_a_download_that_is_left_keeps_an_order_from_being_cancelled(mapped: str, derived: str) -> None:
    """All parcels called off, one download left: there is still something of the order to be had."""
    order = changed({"lines[2].requires_shipping": False})
    order["adjustments"] = [adjustment(0, {0: 2, 1: 1}, "CANCELLATION")]
    assert derive(order, MappedStatuses("CONFIRMED", "PAID", mapped))["fulfilment_status"] == derived


def test_lines_that_are_not_shipped_count_while_the_source_says_that_they_are_open() -> None:
    """A licence still to be sent keeps its order open, until a fulfilment tells that it was sent."""
    order = changed({"lines[2].requires_shipping": False})
    order["fulfilments"] = [fulfilment({0: 2, 1: 1})]
    still_open = MappedStatuses("PROCESSING", "PAID", "PARTIALLY_FULFILLED", unshipped_open=True)
    assert statuses(derive(order, CONFIRMED)) == ("COMPLETED", "PAID", "FULFILLED")
    assert statuses(derive(order, still_open)) == ("PROCESSING", "PAID", "PARTIALLY_FULFILLED")
    order["fulfilments"].append(fulfilment({2: 1}, id_="f2"))
    assert statuses(derive(order, still_open)) == ("COMPLETED", "PAID", "FULFILLED")


def test_a_refund_alone_neither_returns_nor_removes_goods() -> None:
    """Money paid back for goods that were kept leaves them shipped."""
    order = derive(clean(fulfilments=[fulfilment(EVERYTHING)], adjustments=[adjustment(1_000, {2: 1})]), CONFIRMED)
    assert statuses(order) == ("COMPLETED", "PARTIALLY_REFUNDED", "FULFILLED")
    assert order["lines"][2]["quantity"]["returned"] == 0
    assert order["lines"][2]["quantity"]["current"] == 1


def test_quantities_and_line_statuses_are_counted() -> None:
    """Each line tells how much of it left, arrived, came back and was called off."""
    order = derive(
        clean(
            fulfilments=[fulfilment({0: 2}, "DELIVERED"), fulfilment({1: 1}, "FAILED", "f2")],
            adjustments=[
                adjustment(0, {0: 1}, "RETURN", returned=True),
                adjustment(0, {2: 1}, "CANCELLATION", id_="a2"),
                adjustment(900, {1: 1}, status="PENDING", id_="a3", returned=True),
            ],
        ),
        CONFIRMED,
    )
    found = [
        {name: value for name, value in line["quantity"].items() if value and name not in ("unit", "scale")}
        for line in order["lines"]
    ]
    assert found == [
        {"ordered": 2, "current": 2, "fulfilled": 2, "delivered": 2, "returned": 1},
        {"ordered": 1, "current": 1},
        {"ordered": 1, "cancelled": 1},
    ]
    assert [line["line_status"] for line in order["lines"]] == ["DELIVERED", "PROCESSING", "REMOVED"]


@pytest.mark.parametrize("stated", [{"cancelled": 1, "current": 1}, {"cancelled": 1}, {"current": 1}])
def test_units_that_the_source_calls_off_stay_called_off(stated: dict[str, int]) -> None:
    """A source's own cancelled quantity counts, with or without an adjustment for it."""
    order = changed({f"lines[0].quantity.{name}": value for name, value in stated.items()})
    quantity = derive(order, CONFIRMED)["lines"][0]["quantity"]
    assert (quantity["current"], quantity["cancelled"]) == (1, 1)


def test_cancellations_add_up_over_what_the_source_called_off() -> None:
    """Two cancellations of one line, arriving one by one, call off two units: never one, never three."""
    order = changed({"lines[0].quantity.cancelled": 1, "lines[0].quantity.current": 1})
    for id_ in ("a1", "a2"):
        part = adjustment(0, {0: 1}, "CANCELLATION", id_=id_)
        order = derive({**order, "adjustments": [*order["adjustments"], part]}, CONFIRMED)
    assert order["lines"][0]["quantity"]["cancelled"] == 2


def test_a_return_that_the_source_states_is_counted_once() -> None:
    """Units stated as returned stay so, and the refund that follows is for the same units."""
    order = changed({"lines[0].quantity.returned": 1})
    order["fulfilments"] = [fulfilment(EVERYTHING)]
    order = derive(order, CONFIRMED)
    assert order["fulfilment_status"] == "PARTIALLY_RETURNED"
    order = derive({**order, "adjustments": [adjustment(900, {0: 1}, "RETURN", returned=True)]}, CONFIRMED)
    assert order["lines"][0]["quantity"]["returned"] == 1


def test_more_shipped_than_ordered_is_shown_as_it_is() -> None:
    """Broken counts are kept for the rule that reports them, not smoothed away."""
    order = derive(clean(fulfilments=[fulfilment({0: 5})]), CONFIRMED)
    assert order["lines"][0]["quantity"]["fulfilled"] == 5


@pytest.mark.parametrize(
    ("captured", "refund", "due"), [(0, 0, 12_100), (12_000, 0, 100), (12_100, 5_000, 0), (13_000, 0, 0)]
)
def test_a_refund_makes_nothing_due_again(captured: int, refund: int, due: int) -> None:
    """Nobody is asked to pay for what was just paid back to them."""
    order = derive(amounts(captured=captured, refunded=refund), CONFIRMED)
    assert order["totals"]["net_due"] == eur(due)
    assert order["totals"]["refunded"] == eur(refund)


def test_only_completed_money_of_the_orders_currency_counts_as_refunded() -> None:
    """Pending and failed refunds, and goods without money, pay nothing back."""
    order = clean(
        adjustments=[
            adjustment(100, id_="a1"),
            adjustment(200, id_="a2", status="PENDING"),
            adjustment(400, id_="a3", kind="CANCELLATION"),
            {**adjustment(800, id_="a4"), "amount": {"amount_minor": 800, "currency": "USD", "exponent": 2}},
            {**adjustment(0, id_="a5"), "amount": eur(1_600, 3)},
        ]
    )
    assert derive(order, CONFIRMED)["totals"]["refunded"] == eur(2_600, 3)


def test_completed_at_is_the_last_hand_over() -> None:
    """An order completed by its parcels says when, and forgets it when a parcel is recalled."""
    first = fulfilment({0: 2, 1: 1}, at=NOW - 20 * MINUTE)
    last = fulfilment({2: 1}, id_="f2", at=NOW - 10 * MINUTE)
    complete = derive(clean(fulfilments=[last, first]), CONFIRMED)
    assert complete["completed_at"] == NOW - 10 * MINUTE
    recalled: Fulfilment = {**last, "status": "CANCELLED"}
    assert derive({**complete, "fulfilments": [recalled, first]}, CONFIRMED)["completed_at"] is None


@pytest.mark.parametrize(
    ("order", "basis"),
    [
        (clean(fulfilments=[fulfilment({0: 1})]), "DERIVED"),
        (clean(), "MIXED"),
        (changed({"totals.captured": None}), "MAPPED"),
    ],
)
def test_the_basis_tells_whether_amounts_and_quantities_decided(order: CanonicalOrder, basis: str) -> None:
    """A reader knows which statuses are facts and which are the source's word."""
    assert derive(order, CONFIRMED)["status_basis"] == basis


def test_derivation_changes_nothing_in_its_argument() -> None:
    """What was known before stays as it was, for comparison."""
    order = clean(fulfilments=[fulfilment(EVERYTHING)], adjustments=[adjustment(5, {0: 1}, returned=True)])
    before = copy.deepcopy(order)
    assert derive(order, CONFIRMED) != before
    assert order == before


PARTS = st.lists(
    st.one_of(
        st.builds(
            fulfilment,
            st.dictionaries(st.integers(0, 2), st.integers(1, 3), max_size=3),
            st.sampled_from(["PENDING", "READY", "FULFILLED", "DELIVERED", "DELIVERY_FAILED", "CANCELLED"]),
            st.sampled_from(["f1", "f2", "f3"]),
            st.integers(1, 3).map(lambda minutes: NOW - minutes * MINUTE),
        ),
        st.builds(
            adjustment,
            st.integers(0, 13_000),
            st.dictionaries(st.integers(0, 2), st.integers(1, 2), max_size=3),
            st.sampled_from(sorted(MONEY_KINDS | {"CANCELLATION"})),
            st.sampled_from(["PENDING", "COMPLETED"]),
            st.sampled_from(["a1", "a2", "a3"]),
            st.booleans(),
        ),
    ),
    max_size=4,
    unique_by=lambda part: part.get("fulfilment_id") or part["adjustment_id"],
)
CALLED_OFF_AFTER_COMPLETION = [
    fulfilment({0: 1}),
    adjustment(0, {0: 1}, "CANCELLATION"),
    adjustment(0, EVERYTHING | {0: 1}, "CANCELLATION", id_="a2"),
]
MAPPED = st.builds(
    MappedStatuses,
    st.sampled_from(["CONFIRMED", "PROCESSING", "COMPLETED", "CANCELLED", "CLOSED", "UNKNOWN"]),
    st.sampled_from(["UNPAID", "PENDING", "AUTHORIZED", "PAID", "REFUNDED", "VOIDED", "UNKNOWN"]),
    st.sampled_from(["UNFULFILLED", "IN_PROGRESS", "FULFILLED", "DELIVERED", "CANCELLED", "UNKNOWN"]),
)


def joined(order: CanonicalOrder, part: Any) -> CanonicalOrder:
    """The order with one more part, in the order of join: by (updated_at, id)."""
    name, identity = ("fulfilments", "fulfilment_id") if "fulfilment_id" in part else ("adjustments", "adjustment_id")
    parts = sorted([*order[name], part], key=lambda entry: (entry["updated_at"], entry[identity]))  # type: ignore[literal-required]  # `name` is a key of both
    return {**order, name: parts}  # type: ignore[misc]  # `name` is a key


@given(parts=PARTS, mapped=MAPPED, captured=st.sampled_from([None, 0, 5_000, 12_100, 13_000]))
def test_deriving_again_changes_nothing(parts: list[Any], mapped: MappedStatuses, captured: int | None) -> None:
    """A redelivered event never makes a new version of an order."""
    order = amounts(captured=captured)
    for part in parts:
        order = joined(order, part)
    once = derive(order, mapped)
    assert derive(once, mapped) == once


@given(parts=PARTS, mapped=MAPPED, captured=st.sampled_from([None, 0, 5_000, 12_100, 13_000]))
@example(parts=CALLED_OFF_AFTER_COMPLETION, mapped=CONFIRMED, captured=None)
def test_parts_may_arrive_in_any_order(parts: list[Any], mapped: MappedStatuses, captured: int | None) -> None:
    """Refund before parcel or parcel before refund, derived after each: the order ends the same."""
    ends = []
    for permutation in itertools.permutations(parts):
        order = derive(amounts(captured=captured), mapped)
        for part in permutation:
            order = derive(joined(order, part), mapped)
        ends.append(order)
    assert all(end == ends[0] for end in ends)
