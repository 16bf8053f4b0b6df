"""Public reference tables that rules check against."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from re import Pattern
from typing import Any

import yaml

_HERE = Path(__file__).parent
_CODE = re.compile("[A-Z]{2}")


def _read(name: str) -> Any:
    return yaml.safe_load((_HERE / name).read_text(encoding="utf-8"))


@cache
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes, and the user-assigned ones in common use."""
    table = _read("countries.yaml")
    codes = f"{table['officially_assigned']} {table['user_assigned']}".split()
    if len(codes) != len(set(codes)) or not all(_CODE.fullmatch(code) for code in codes):
        raise ValueError("countries.yaml: a code is listed twice or is not two capital letters")
    return frozenset(codes)


@cache
def postcodes() -> dict[str, Pattern[str]]:
    """How a country's postal codes look, for the countries listed; to be matched whole."""
    table: dict[str, str] = _read("postcodes.yaml")["formats"]
    unknown = set(table) - countries()
    if unknown:
        raise ValueError(f"postcodes.yaml: not a country: {sorted(unknown)}")
    return {country: re.compile(pattern) for country, pattern in table.items()}
