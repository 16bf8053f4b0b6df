"""Every case of the web contract is understood as its promise says."""

from __future__ import annotations

import copy
import json
from typing import get_args, get_origin, get_type_hints, is_typeddict

import pytest

from consumers.web import CHANNEL
from mappers.candidate import DefectiveEvent, EventContext, Mapped
from mappers.web.movements import reader
from schemas import money, types

from .cases import CASES, FOLDER, fact


def understand(document: dict) -> Mapped:
    envelope = CHANNEL.identify({}, document)
    return CHANNEL.map_event(
        document,
        EventContext("web", envelope.source_account, envelope.event_kind, envelope.event_id, received_at=7),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_the_case_is_understood_as_promised(case):
    """A developer of the channel can look up what becomes of an event like his."""
    if case.outcome == "DefectiveEvent":
        with pytest.raises(DefectiveEvent) as raised:
            understand(case.document)
        assert [[defect.rule, defect.path] for defect in raised.value.defects] == case.defects, case.promise
        return
    mapped = understand(case.document)
    assert type(mapped).__name__ == case.outcome
    assert {path: fact(mapped, path) for path in case.facts} == case.facts, case.promise


def test_every_file_has_a_case_and_every_event_kind_an_understood_one():
    """No payload lies in the folder unexplained, and no event kind of the contract is without an example."""
    assert {path.stem for path in FOLDER.glob("*.json")} == {case.file for case in CASES}
    kinds = {case.document["event_type"] for case in CASES if case.outcome != "DefectiveEvent"}
    assert kinds == CHANNEL.event_kinds


ORDERS = [case for case in CASES if case.outcome == "Snapshot"]


@pytest.mark.parametrize("case", ORDERS, ids=lambda case: case.file)
def test_an_order_has_exactly_the_canonical_fields_and_words(case):
    """A web order can be encoded: no canonical field misses, none is extra, enumerations hold."""
    _same_shape(understand(case.document).order, types.CanonicalOrder, "order")


def _same_shape(value, expected, path):
    if is_typeddict(expected):
        hints = get_type_hints(expected)
        assert set(value) == set(hints), path
        for name, hint in hints.items():
            _same_shape(value[name], hint, f"{path}.{name}")
    elif get_origin(expected) is list:
        for index, part in enumerate(value):
            _same_shape(part, get_args(expected)[0], f"{path}[{index}]")
    elif get_origin(expected) is dict:
        assert all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()), path
    elif type(None) in get_args(expected):
        if value is not None:
            (inner,) = [part for part in get_args(expected) if part is not type(None)]
            _same_shape(value, inner, path)
    elif get_args(expected):
        assert value in get_args(expected), path
    else:
        assert type(value) is expected, path


def test_values_of_people_never_stand_in_a_defect():
    """Whatever is wrong with an event, no name, address or contact of its buyer reaches a log."""
    document = next(case for case in CASES if case.file == "order-placed-guest").document
    secrets = ["Peeters-Secret", "secret@example", "+32 999 99 99 99"]
    order = document["data"]["order"]
    order["contact"] = {"email": [secrets[1]], "phone": {"x": secrets[2]}}
    order["shipping_address"].update(family_name=[secrets[0]], country={"x": secrets[0]}, lines=secrets * 2)
    order["customer"]["type"] = secrets[0]
    order["placed_at"] = order["currency"] = order["totals"]["total"] = secrets[0]
    document["event_id"] = secrets[0]
    with pytest.raises(DefectiveEvent) as raised:
        understand(document)
    assert len(raised.value.defects) >= 10
    told = str(raised.value)
    assert not [secret for secret in secrets if secret in told]


def test_the_mapper_leaves_the_document_as_it_was():
    """A redrive maps the same document again: mapping must not change it."""
    for case in ORDERS:
        document = case.document
        before = copy.deepcopy(document)
        understand(document)
        assert document == before


def test_null_is_the_same_as_a_field_left_out():
    """A storefront whose serialiser writes nulls needs no special care."""
    document = next(case for case in CASES if case.file == "order-placed-guest").document
    with_nulls = json.loads(json.dumps(document))
    with_nulls["data"]["order"].update(held_at=None, cancel_reason=None, closed_at=None)
    with_nulls["data"]["order"]["lines"][1].update(gtin=None, parent_line_id=None)
    assert understand(with_nulls) == understand(document)


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "CLF"])
@pytest.mark.parametrize(
    "text", ["0", "0.00", "0.0000", "12", "12.9", "12.90", "12.9000", "12.905", "0.0001", "999999999999.9999"]
)
def test_amounts_are_read_as_everywhere_else(text, currency):
    """The fast reader of amounts gives the money that schemas.money gives."""
    assert reader(currency)(text) == money.money(text, currency)
