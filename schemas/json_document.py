"""Strict JSON: one object, whose keys, numbers and texts all survive exactly, or a named reason why not.

Two decoders, one meaning. The fast one parses in C and then proves, by cheap exact tests, that nothing was
lost; whenever a test is in doubt the exact one decides and finds the place. Refused beyond RFC 8259: what
would silently change (duplicate keys, numbers out of range, lone surrogates) and what PostgreSQL cannot store
(the NUL character).
"""

from __future__ import annotations

import json
import math
import re
import threading
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import msgspec
import orjson

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_NESTING: Final = 64

_FLOAT_TEXT: Final = 16
"""15 digits and a point: a float gives every such decimal back unchanged (IEEE 754 binary64, DBL_DIG)."""
_INTEGER_RANGE: Final = range(-(2**63), 2**64)
_INTEGER_TEXT: Final = 20
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)


class DocumentError(ValueError):
    """A payload that is not one exact JSON object. The message never quotes a value of it."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


def decode(value: bytes | None, *, limit: int = MAX_BYTES) -> dict[str, Any]:
    """The document of a record's value; raises DocumentError with a rule `payload_…` when there is none.

    Integers of up to 64 bits stay integers. A number with a fraction or an exponent becomes a float, whose
    shortest decimal is the number as written (`schemas.money.money` takes that); one that no float holds so
    stays text.
    """
    if value is None:
        raise DocumentError("payload_tombstone", "the record has no value; expected a JSON object")
    if len(value) > limit:
        raise DocumentError("payload_too_large", f"the payload has {len(value)} bytes; at most {limit} are accepted")
    try:
        document = _decoder.decode(value)
        dumped = _dumped(document)
    except (msgspec.DecodeError, orjson.JSONEncodeError, UnicodeDecodeError, RecursionError, _InDoubtError):
        return decode_exactly(value)
    # What is written as it was read has lost nothing. Else (blanks, other escapes) quotes tell: every key has
    # two on each side, so a key lost as a duplicate shows as missing quotes. Only an escaped quote (\u0022)
    # is written differently, and NUL can only be written as an escape.
    if dumped != _OPENING + value + _CLOSING and dumped.count(b'"') != value.count(b'"'):
        return decode_exactly(value)
    if b"\\" in value and (b"\\u0022" in value or b"\\u0000" in value):
        return decode_exactly(value)
    if type(document) is not dict:
        return decode_exactly(value)
    return document


def decode_exactly(value: bytes) -> dict[str, Any]:
    """The same document or error as `decode`, found slowly with every token checked."""
    if not value.strip(b" \t\r\n"):
        raise DocumentError("payload_empty", "the payload is empty; expected a JSON object")
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise DocumentError("payload_utf8", f"the payload is not UTF-8 (byte {error.start})") from None
    try:
        document = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_exact_float,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        at = len(text[: error.pos].encode())
        raise DocumentError("payload_json", f"the payload is not JSON: {error.msg} (byte {at})") from None
    except RecursionError:
        _refuse_nesting()
    _check_containers(document)
    if not isinstance(document, dict):
        raise DocumentError("payload_not_object", "the payload is no JSON object but a list or a single value")
    return document


class _InDoubtError(Exception):
    """The fast decoder cannot tell that nothing was lost."""


def _plain_float(text: str) -> float:
    if len(text) <= _FLOAT_TEXT and "e" not in text and "E" not in text:
        return float(text)
    number = _exact_float(text)
    if isinstance(number, str):
        # Its quotes would be counted as those of a key.
        raise _InDoubtError
    return number


_decoder: Final = msgspec.json.Decoder(float_hook=_plain_float)


def _serialisable_depth() -> int:
    """How many nested lists orjson writes before it refuses."""
    nested: list[Any] = []
    for depth in range(1, 10_000):
        try:
            orjson.dumps(nested)
        except orjson.JSONEncodeError:
            return depth - 1
        nested = [nested]
    raise RuntimeError("orjson writes lists of any depth; the nesting of a payload cannot be bounded")


_SPARE_DEPTH: Final = _serialisable_depth() - MAX_NESTING


class _Wrapping(threading.local):
    """Lists that use up the depth orjson allows beyond ours, so that it refuses exactly at our limit."""

    def __init__(self) -> None:
        self.innermost: list[Any] = [None]
        self.outermost = self.innermost
        for _ in range(_SPARE_DEPTH - 1):
            self.outermost = [self.outermost]


_wrapping: Final = _Wrapping()
_OPENING: Final = b"[" * _SPARE_DEPTH
_CLOSING: Final = b"]" * _SPARE_DEPTH


def _dumped(document: object) -> bytes:
    """The document as JSON between _OPENING and _CLOSING; raises JSONEncodeError beyond MAX_NESTING or 64-bit
    integers."""
    _wrapping.innermost[0] = document
    try:
        return orjson.dumps(_wrapping.outermost)
    finally:
        _wrapping.innermost[0] = None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DocumentError(
                    "payload_duplicate_key",
                    f"the key {_shown(key)} occurs twice in one object; which one is meant?",
                )
            seen.add(key)
    return document


def _integer(text: str) -> int:
    if len(text) > _INTEGER_TEXT or (number := int(text)) not in _INTEGER_RANGE:
        raise DocumentError("payload_number", "an integer does not fit 64 bits; send it as text")
    return number


def _exact_float(text: str) -> float | str:
    """The float whose shortest decimal equals the text, or the text itself when there is none."""
    number = float(text)
    if math.isinf(number):
        raise DocumentError("payload_number", "a number is too large; at most 1.8e308 is accepted")
    try:
        return number if repr(number) == text or Decimal(repr(number)) == Decimal(text) else text
    except InvalidOperation:
        raise DocumentError("payload_number", "a number has an exponent out of range") from None


def _no_constant(name: str) -> NoReturn:
    raise DocumentError("payload_number", f"{name} is not a JSON number")


def _refuse_nesting() -> NoReturn:
    raise DocumentError("payload_nesting", f"objects and lists are nested deeper than {MAX_NESTING}")


def _check_containers(document: object) -> None:
    """Raises DocumentError for texts that cannot be stored and for nesting that is too deep."""
    pending: list[tuple[object, str, int]] = [(document, "", 0)]
    while pending:
        node, path, depth = pending.pop()
        if isinstance(node, str):
            _check_text(node, path)
        elif isinstance(node, dict | list):
            if depth == MAX_NESTING:
                _refuse_nesting()
            if isinstance(node, dict):
                for key, child in node.items():
                    below = f"{path}.{_shown(key)}" if path else _shown(key)
                    _check_text(key, below)
                    pending.append((child, below, depth + 1))
            else:
                pending.extend((child, f"{path}[{index}]", depth + 1) for index, child in enumerate(node))


def _check_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise DocumentError("payload_nul", f"a text has a NUL character, which cannot be stored (at {path or 'top'})")
    if _SURROGATE.search(text):
        raise DocumentError(
            "payload_surrogate",
            f"a text has half of a surrogate pair, which is no character (at {path or 'top'})",
        )


def _shown(key: str) -> str:
    """The key as it may be shown: a name of a field, not perhaps a person's e-mail used as a key."""
    return key if _PLAIN_KEY.fullmatch(key) else "(key not shown)"
