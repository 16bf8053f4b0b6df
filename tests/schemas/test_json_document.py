"""A payload is either exactly what its sender wrote, or refused with a reason."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.json_document import MAX_NESTING, DocumentError, decode, decode_exactly

KEYS = st.sampled_from(["a", "b", 'q"', "ü", ""])
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["NaN", "-Infinity", "-0", "-0.0", "1e400", "1e-400", "52.520006599999997", "01", "1."]),
)
PIECES = st.sampled_from(
    [
        "x",
        "ü",
        "😀",
        '\\"',
        '\\":',
        "\\u0022",
        "\\u0022:",
        '\\"\\u003a',
        "\\u0000",
        "\\\\u0000",
        "\\ud83d\\ude00",
        "\\ud800",
        "\\udc00x",
        "\\u00fc",
        "\\/",
        "\\n",
        ":",
        '" :',
        "\\",
        "\x01",
        "\x00",
    ]
)
STRINGS = st.lists(PIECES, max_size=4).map(lambda pieces: f'"{"".join(pieces)}"')
SPACE = st.sampled_from(["", "", " ", "\n", "\t\r "])


def _object(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    key = st.builds(lambda name, escape: escape(name), KEYS, st.sampled_from([json.dumps, _escaped]))
    pair = st.builds(lambda k, before, after, v: f"{k}{before}:{after}{v}", key, SPACE, SPACE, inner)
    return st.builds(lambda pairs, space: "{" + f"{space},".join(pairs) + "}", st.lists(pair, max_size=4), SPACE)


def _escaped(name: str) -> str:
    return '"' + "".join(f"\\u{ord(character):04x}" for character in name) + '"'


def _list(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]")


VALUES = st.recursive(
    NUMBERS | STRINGS | st.sampled_from(["true", "false", "null"]),
    lambda inner: _object(inner) | _list(inner),
    max_leaves=12,
)


def outcome(decoder: Any, payload: bytes) -> tuple[str, str]:
    """What a decoder says, with types, so that 1 and 1.0 and True differ."""
    try:
        return "document", repr(decoder(payload))
    except DocumentError as error:
        return error.rule, error.message


@settings(max_examples=600, deadline=None)
@given(_object(VALUES) | VALUES)
@example('{"a" :1,"a":2}')
@example('{"a":1,"a":"\\u0022\\u0022"}')
@example('{"a":52.520006599999997,"b":1,"b":2}')
@example('{"a":18446744073709551616}')
def test_the_fast_way_and_the_exact_way_agree(text: str) -> None:
    """Speed never changes what a payload means, nor why it is refused."""
    payload = text.encode()
    assert outcome(decode, payload) == outcome(decode_exactly, payload)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_noise_is_refused_the_same_way(noise: bytes) -> None:
    """Nothing that a topic can hold brings the decoder down."""
    for payload in (noise, b'{"a":"' + noise + b'"}', b'{"a":' + noise + b"}"):
        assert outcome(decode, payload) == outcome(decode_exactly, payload)


@settings(max_examples=300, deadline=None)
@given(NUMBERS)
def test_numbers_are_kept_exactly_or_refused(number: str) -> None:
    """An id above 2^53 keeps its last digit, and a price its last decimal."""
    try:
        kept = decode(b'{"n":' + number.encode() + b"}")["n"]
    except DocumentError as error:
        assert error.rule in ("payload_number", "payload_json")
        return
    assert Decimal(repr(kept) if isinstance(kept, float) else kept) == Decimal(number)


@pytest.mark.parametrize(
    ("payload", "rule", "words"),
    [
        (None, "payload_tombstone", "no value"),
        (b"", "payload_empty", "empty"),
        (b" \n", "payload_empty", "empty"),
        (b'{"a":"\xff"}', "payload_utf8", "byte 6"),
        (b"\xef\xbb\xbf{}", "payload_json", "byte 0"),
        (b'{"\xc3\xbc":1,}', "payload_json", "byte 8"),
        (b"{'a':1}", "payload_json", "byte 1"),
        (b'{"a":1,"a":2}', "payload_duplicate_key", "key a occurs twice"),
        (b'{"x":[{"a" :1,"\\u0061":2}]}', "payload_duplicate_key", "key a occurs twice"),
        (b'{"bob@mail.example":1,"bob@mail.example":2}', "payload_duplicate_key", "not shown"),
        (b'{"a":NaN}', "payload_number", "NaN"),
        (b'{"a":-Infinity}', "payload_number", "Infinity"),
        (b'{"a":1e999}', "payload_number", "too large"),
        (b'{"a":' + b"9" * 5000 + b"}", "payload_number", "64 bits"),
        (b'{"a":18446744073709551616}', "payload_number", "64 bits"),
        (b'{"a":[{"b":"\\u0000"}]}', "payload_nul", r"a\[0\]\.b"),
        (b'{"\\u0000":1}', "payload_nul", "not shown"),
        (b'{"a":"\\ud800"}', "payload_surrogate", "at a"),
        (b"[]", "payload_not_object", "list"),
        (b"1", "payload_not_object", "single value"),
        (b'"x"', "payload_not_object", "single value"),
    ],
)
def test_a_payload_that_is_no_exact_object_is_refused(payload: bytes | None, rule: str, words: str) -> None:
    """The channel's owner reads what is wrong and where, and nothing personal."""
    with pytest.raises(DocumentError, match=words) as raised:
        decode(payload)
    assert raised.value.rule == rule
    assert "bob@mail" not in str(raised.value)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_bounded(opening: bytes, closing: bytes) -> None:
    """A payload made to exhaust the stack is refused; the deepest allowed one is read."""

    def nested(levels: int) -> bytes:
        return b'{"a":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}"

    assert decode(nested(MAX_NESTING)) == decode_exactly(nested(MAX_NESTING))
    for levels in (MAX_NESTING + 1, 200, 300, 2000, 200_000):
        with pytest.raises(DocumentError, match="deeper than 64") as raised:
            decode(nested(levels))
        assert raised.value.rule == "payload_nesting"


def test_size_is_bounded() -> None:
    """One giant payload cannot take the memory of all others."""
    payload = b'{"a":"' + b"x" * 100 + b'"}'
    assert decode(payload, limit=len(payload))
    with pytest.raises(DocumentError, match=r"108 bytes; at most 107") as raised:
        decode(payload, limit=len(payload) - 1)
    assert raised.value.rule == "payload_too_large"
