"""Phone numbers as E.164 (ITU-T E.164), from the text a shopper typed."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata

# Digits and the marks people write between them; an extension is read and dropped. Anything else (a masked
# digit, a "code" that a hotline asks for) makes it a text about a number, which no two guests may share as
# their identity.
_SHAPE = re.compile(r"[+\uff0b]?[\d\s().\-/\u2010-\u2015\u00a0]{6,30}(?:(?:ext\.?|x|#)\s*\d{1,6})?", re.IGNORECASE)
_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}")


class _Plan(NamedTuple):
    """What decides on a number of one calling code that is already written as E.164."""

    lengths: frozenset[int]
    trunk_prefix: re.Pattern[str] | None


def normalise_phone(text: str, region: str | None) -> str | None:
    """The number as `+` and 7 to 15 digits, or None when it is not a possible one.

    `region`: ISO 3166 country in which a number without `+` was written; without one, such a number is None.
    Possible (by length, per calling code) rather than valid (by allocation): allocations change faster than
    libraries.
    """
    text = text.strip()
    if _PLAIN.fullmatch(text) is not None:
        plan, national = _plan_of(text)
        if plan is None:
            return None
        # Without a trunk prefix to strip, parsing and formatting would give the same text back.
        if plan.trunk_prefix is None or plan.trunk_prefix.match(national) is None:
            return text if len(national) in plan.lengths and not _is_filler(national) else None
    return _parsed(text, region)


def _parsed(text: str, region: str | None) -> str | None:
    if _SHAPE.fullmatch(text) is None:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if _is_filler(phonenumbers.national_significant_number(number)):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _is_filler(national: str) -> bool:
    """`0000000000` and its like are typed to get past a required field."""
    return national.count(national[0]) == len(national)


def _plan_of(number: str) -> tuple[_Plan | None, str]:
    for digits in (1, 2, 3):
        plan = _plan(number[1 : 1 + digits])
        if plan is not None:
            return plan, number[1 + digits :]
    return None, ""


@cache
def _plan(calling_code: str) -> _Plan | None:
    """The numbering plan of a calling code, from the library's own metadata."""
    code = int(calling_code)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code)
    if regions is None:
        return None
    metadata = (
        PhoneMetadata.metadata_for_nongeo_region(code)
        if regions[0] == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
        else PhoneMetadata.metadata_for_region(regions[0])
    )
    if metadata is None or metadata.general_desc is None:
        return None
    trunk = metadata.national_prefix_for_parsing
    return _Plan(
        frozenset(metadata.general_desc.possible_length),
        re.compile(trunk) if trunk else None,
    )
