"""The published JSON Schema of the web contract is current, documented, and agrees with the mapper."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from mappers.web import EVENT_KINDS, schema

from .cases import CASES

PUBLISHED = Path(__file__).parents[3] / "docs" / "channels" / "web.schema.json"


@pytest.fixture(scope="module")
def validator():
    document = json.loads(PUBLISHED.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def test_the_published_schema_is_the_one_the_mapper_uses():
    """Developers of the channel never read an outdated contract. Renew: python -m mappers.web.schema."""
    assert PUBLISHED.read_text("utf-8") == schema.text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_the_schema_says_of_a_case_what_the_mapper_says(case, validator):
    """A developer who validates before sending is refused neither more nor less than after sending."""
    assert validator.is_valid(case.document) is case.valid


def test_every_field_is_described_and_every_event_kind_listed():
    """No field of the contract is left to guessing."""
    definitions = schema.document()["$defs"]
    for name, definition in definitions.items():
        assert definition["description"].endswith("."), name
        for field, part in definition["properties"].items():
            assert part["description"], f"{name}.{field}"
            assert "\n" not in part["description"], f"{name}.{field}"
    kinds = set()
    for reference in schema.document()["oneOf"]:
        kind = definitions[reference["$ref"].rpartition("/")[2]]["properties"]["event_type"]
        kinds |= set(kind.get("enum", [kind.get("const")]))
    assert kinds == EVENT_KINDS


def test_every_event_definition_has_a_valid_example(validator):
    """The examples in the contract can be sent as they are."""
    events = [
        part
        for name, part in schema.document()["$defs"].items()
        if name.endswith("Event") and "data" in part["properties"]
    ]
    assert len(events) == 5
    for event in events:
        assert event["examples"]
        for example in event["examples"]:
            validator.validate(example)
