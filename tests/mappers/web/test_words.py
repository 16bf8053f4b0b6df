"""Every closed word of the web contract is a canonical one in small letters."""

from __future__ import annotations

from typing import get_args, get_origin, get_type_hints

import pytest

from mappers.web import order_payload as web
from schemas import types


def words(part: type, field: str) -> set[str]:
    """The words of a field's Literal, through Required, Annotated and None."""
    hint = get_type_hints(part)[field]
    while get_origin(hint) is not None and not all(isinstance(arg, str) for arg in get_args(hint)):
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    return set(get_args(hint))


@pytest.mark.parametrize(
    ("part", "field", "canonical"),
    [
        (web.Order, "origin", types.OriginChannel),
        (web.Line, "kind", types.LineKind),
        (web.Payment, "kind", types.PaymentKind),
        (web.Payment, "status", types.PaymentState),
        (web.Payment, "method", types.PaymentMethod),
        (web.Fulfilment, "type", types.FulfilmentType),
        (web.Fulfilment, "status", types.FulfilmentState),
        (web.Refund, "kind", types.AdjustmentKind),
        (web.Refund, "status", types.AdjustmentState),
    ],
)
def test_every_word_has_its_canonical_one(part, field, canonical):
    """A word that the schema allows never becomes one that no consumer of canonical orders knows."""
    allowed = words(part, field)
    assert len(allowed) > 1
    assert {word.upper() for word in allowed} <= set(get_args(canonical))
