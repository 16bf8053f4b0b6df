"""Whatever a shop or an integrator sends, it is understood or refused with reasons: never a crash."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.shopify import CHANNEL
from mappers.candidate import DefectiveEvent, EventContext, Snapshot

CASES = Path(__file__).parents[3] / "mappers/cases/shopify"
BODIES = [
    json.loads((CASES / f"{name}.json").read_text())["body"]
    for name in (
        "discounts",
        "two-currencies",
        "returned-after-delivery",
        "refund-before-order",
        "point-of-sale",
    )
]
SECRET = "ada.lovelace@example.org"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["", "0", "-1.5", "1e3", "99999999999999999999", "2026-01-01", "JPY", SECRET]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps: list[tuple[Any, Any]] = []
    if isinstance(node, dict):
        steps = list(node.items())
    elif isinstance(node, list):
        steps = list(enumerate(node))
    return [(*path, step) for step, _ in steps] + [
        deeper for step, child in steps for deeper in places(child, (*path, step))
    ]


PLACES = [(index, place) for index, body in enumerate(BODIES) for place in places(body)]


def with_value(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(body)
    node = changed
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    return changed


def assert_storable(node: Any) -> None:
    if isinstance(node, dict):
        for child in node.values():
            assert_storable(child)
    elif isinstance(node, list):
        for child in node:
            assert_storable(child)
    else:
        assert node is None or isinstance(node, str | int), "amounts and ids are never floats"
        assert not isinstance(node, int) or -(2**63) <= node < 2**63


def result(document: Any) -> Any:
    try:
        envelope = CHANNEL.identify({}, document)
        return CHANNEL.map_event(
            document, EventContext("shopify", envelope.source_account, envelope.event_kind, None, 1)
        )
    except DefectiveEvent as defective:
        return defective


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(PLACES), json_values)
def test_any_value_anywhere_is_understood_or_refused(place: tuple[int, tuple[Any, ...]], value: Any) -> None:
    """One wrong field stops one event, with a reason that quotes nothing of it, and never the partition."""
    index, path = place
    mapped = result(with_value(BODIES[index], path, value))
    if isinstance(mapped, Snapshot):
        assert_storable(mapped.order)
    elif isinstance(mapped, DefectiveEvent):
        assert mapped.defects
        assert all(defect.message and SECRET not in defect.message for defect in mapped.defects)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["id", "order", "orders", "refund", "fulfillments", "kind"]), json_values))
def test_any_document_is_understood_or_refused(document: dict[str, Any]) -> None:
    """A body that is nothing of Shopify's is kept with a reason."""
    mapped = result(document)
    assert not isinstance(mapped, DefectiveEvent) or mapped.defects
