"""Ids are the same wherever and whenever they are computed, and different for different things."""

from __future__ import annotations

import uuid
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas import identifiers as ids

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TRICKY = st.text(alphabet="a/%25F", max_size=5)


def test_an_order_id_can_be_computed_by_anybody() -> None:
    """A partner finds our id of an order with any UUID library; the value itself never changes."""
    namespace = uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, "urn:ordergate"), "order")
    expected = str(uuid.uuid5(namespace, "shopify/a.myshopify.com/450789469"))
    assert ids.order_id("shopify", "a.myshopify.com", "450789469") == expected
    assert expected == "c5dfd183-1277-5c83-ace0-33ade8c11cba"


@given(TEXT, st.lists(TEXT, min_size=1, max_size=3))
def test_ids_are_uuids_of_version_5(kind: str, parts: list[str]) -> None:
    """The fast way gives what RFC 9562 prescribes."""
    name = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)
    assert ids.derived(kind, *parts) == str(uuid.uuid5(ids.namespace(kind), name))


@given(st.tuples(TRICKY, TRICKY, TRICKY), st.tuples(TRICKY, TRICKY, TRICKY))
def test_different_orders_never_share_an_id(left: tuple[str, str, str], right: tuple[str, str, str]) -> None:
    """An account or order named with a slash is not another account's order."""
    assert (ids.order_id(*left) == ids.order_id(*right)) == (left == right)
    assert (ids.event_key(*left, "e") == ids.event_key(*right, "e")) == (left == right)


def test_shifted_separators_make_different_ids() -> None:
    """`a/b` + `c` is not `a` + `b/c`."""
    names = [
        ("a/b", "c", "d"),
        ("a", "b/c", "d"),
        ("a", "b", "c/d"),
        ("a%2Fb", "c", "d"),
        ("a", "b%2Fc", "d"),
    ]
    assert len({ids.order_id(*name) for name in names}) == len(names)


def test_an_event_of_unknown_kind_is_its_own() -> None:
    """Kind not given, kind empty and kind "%" are three different things."""
    keys = [ids.event_key("shopify", "a", kind, "1") for kind in (None, "", "%", "None")]
    assert len(set(keys)) == 4
    assert {len(key) for key in keys} == {16}


def test_kinds_of_things_never_share_an_id() -> None:
    """A guest without contact, a guest by contact and a session are told apart even with one name."""
    same = "x"
    made = [
        ids.guest_id(same),
        ids.provisional_guest_id(same),
        ids.derived("order", same),
        ids.derived("line", same),
        ids.derived("session", same),
        ids.derived("change", same),
    ]
    assert len(set(made)) == len(made)
    assert ids.line_id("o", "1") != ids.session_id("o", "1", "") != ids.order_id("o", "1", "")


def test_each_version_of_an_order_has_its_own_change() -> None:
    """A change can be named by its order and version, and is found again after a replay."""
    changes = [ids.change_id("order", version) for version in range(1, 20)]
    assert all(left != right for left, right in pairwise(sorted(changes)))
    assert ids.change_id("order", 7) == changes[6] == ids.derived("change", "order", "7")
