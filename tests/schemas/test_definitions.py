"""The schemas say who owns what, and what is generated from them is current."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from schemas import generate
from schemas.catalogue import RECORD_TYPES
from schemas.definitions import definitions, published, self_contained
from schemas.lint import lint, problems

MONEY = next(d for d in definitions()["order"] if d["name"] == "Money")


def test_every_field_has_an_owner_and_a_class_of_personal_data() -> None:
    """A data owner finds every field under somebody's name."""
    assert lint() == []


@pytest.mark.parametrize("key", ["doc", "oms.owner", "oms.pii", "oms.severity", "oms.since"])
def test_a_field_that_says_too_little_is_refused(key: str) -> None:
    """Nobody can add a field without saying what it is, whose it is and whether it is personal."""
    definition = copy.deepcopy(MONEY)
    del definition["fields"][1][key]
    (problem,) = problems([definition])
    assert problem.startswith("Money.currency: ")
    assert key in problem


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"oms.owner": "somebody"}, "oms.owner must be one of"),
        ({"oms.pii": "maybe"}, "oms.pii must be one of"),
        ({"type": "double"}, "floating-point"),
        ({"type": ["null", "string"]}, "must have the default null"),
        ({"type": ["null", "string", "long"], "default": None}, "a union must be"),
        ({"type": {"type": "array", "items": "string"}}, "default of a list must be empty"),
        ({"name": "paid_at"}, "logicalType timestamp-micros"),
        ({"name": "Currency"}, "snake_case"),
        ({"doc": " "}, "has no doc"),
        ({"oms.since": "1"}, "oms.since"),
    ],
)
def test_a_field_that_could_not_evolve_is_refused(changes: dict[str, Any], expected: str) -> None:
    """What would break a consumer later is refused on the day it is written."""
    definition = copy.deepcopy(MONEY)
    definition["fields"][1] |= changes
    (problem,) = problems([definition])
    assert expected in problem


@pytest.mark.parametrize("changes", [{"default": "PAID"}, {"symbols": ["PAID", "UNKNOWN"]}])
def test_an_enum_that_cannot_grow_is_refused(changes: dict[str, Any]) -> None:
    """A consumer with fewer symbols reads UNKNOWN instead of failing."""
    enum = {"type": "enum", "name": "E", "doc": "E.", "symbols": ["UNKNOWN", "PAID"], "default": "UNKNOWN"}
    assert problems([enum]) == []
    (problem,) = problems([enum | changes])
    assert "UNKNOWN" in problem


def test_the_generated_types_are_current() -> None:
    """What the type checker believes of a record is what is published. (`python -m schemas.generate`)"""
    assert generate.FOLDER.joinpath("types.py").read_text(encoding="utf-8") == generate.types_source()


@pytest.mark.parametrize("record_type", RECORD_TYPES.values(), ids=lambda r: r.file)
def test_the_current_schema_is_the_newest_published_version(record_type: Any) -> None:
    """A schema cannot change under consumers without a new version."""
    versions = published(record_type)
    assert list(versions)[-1] == record_type.version
    assert versions[record_type.version] == self_contained(record_type)


def test_a_published_version_is_never_rewritten(tmp_path: Path) -> None:
    """The generator refuses to change what consumers were promised, and writes nothing else either."""
    generate.write(tmp_path)
    path = tmp_path / "published" / "order" / "1.0.0.avsc"
    changed = json.loads(path.read_text(encoding="utf-8"))
    changed["fields"].pop()
    path.write_text(json.dumps(changed), encoding="utf-8")
    (tmp_path / "types.py").unlink()
    with pytest.raises(generate.PublishedError, match=r"order/1\.0\.0\.avsc .* published"):
        generate.write(tmp_path)
    assert not (tmp_path / "types.py").exists()
