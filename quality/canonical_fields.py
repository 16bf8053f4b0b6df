"""The paths of the canonical order's fields, as contracts and findings name them: `lines[].sku`."""

from __future__ import annotations

import types
from collections.abc import Iterator
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from schemas.types import CanonicalOrder


@cache
def paths() -> frozenset[str]:
    """Every field, at every depth."""
    return frozenset(_below(CanonicalOrder, ""))


def _below(kind: Any, path: str) -> Iterator[str]:
    if get_origin(kind) in (Union, types.UnionType):
        for branch in get_args(kind):
            yield from _below(branch, path)
    elif get_origin(kind) is list:
        yield from _below(get_args(kind)[0], f"{path}[]")
    elif is_typeddict(kind):
        for name, field in get_type_hints(kind).items():
            below = f"{path}.{name}" if path else name
            yield below
            yield from _below(field, below)
