"""Counts fields that Shopify does not document, so that a new one of the vendor's is seen and not missed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

import yaml

_LISTS: Final = ("line_items", "shipping_lines", "refunds", "fulfillments", "transactions")
_OBJECTS: Final = {
    "customer": "customer",
    "billing_address": "address",
    "shipping_address": "address",
}


def _read() -> Mapping[str, frozenset[str]]:
    text = resources.files("mappers").joinpath("shopify", "documented_fields.yaml").read_text("utf-8")
    return {resource: frozenset(names.split()) for resource, names in yaml.safe_load(text).items()}


_DOCUMENTED: Final = _read()


def count(resource: str, fields: Mapping[str, Any]) -> int:
    """How many fields of a valid body, and of the resources directly in it, are not documented."""
    unknown = _extra(fields, _DOCUMENTED[resource])
    for name, inner in _OBJECTS.items():
        if child := fields.get(name):
            unknown += _extra(child, _DOCUMENTED[inner])
    for name in _LISTS:
        if children := fields.get(name):
            known = _DOCUMENTED[name]
            for child in children:
                if not known.issuperset(child):
                    unknown += _extra(child, known)
    return unknown


def _extra(fields: Mapping[str, Any], known: frozenset[str]) -> int:
    return 0 if known.issuperset(fields) else len(fields.keys() - known)
