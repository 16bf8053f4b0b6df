"""What holds for every file: short, at home on any machine, and in the project's own words."""

from __future__ import annotations

import re

import pytest

from .tree import modules, texts

LONGEST = 400
LONGER = {
    "schemas/types.py": "generated from the Avro schemas",
    "mappers/web/order_payload.py": "one payload, told in one place as its developers read it",
}

REGISTRIES = [
    name.replace(" ", ".")
    for name in (
        "pypi org", "pythonhosted org", "anaconda org", "maven org", "maven apache org", "npmjs org",
        "npmjs com", "crates io", "rubygems org", "docker io", "ghcr io", "quay io", "proxy golang org",
    )
]  # fmt: skip
HOME = re.compile(r"(?<![\w.~$}-])/(?:work|home|root|Users)/\w")

INSTEAD = {
    "quarantine": r"dead[ _-]?letter|\bdlq\b",
    "journal": r"\bout[ _-]?box\b",
    "source account": r"\btenant\b",
    "redrive": r"\bre-?process(?:ing|ed)?\b",
}


def test_a_module_can_be_read_in_one_go():
    """A reader never has to hold more than one idea: modules stay short, exceptions have their reason."""
    lengths = {path: text.count("\n") for path, text in modules()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST and path not in LONGER} == {}
    assert {path for path in LONGER if lengths.get(path, 0) <= LONGEST} == set(), "no exception any more"


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_package_registry(host):
    """Behind a mirror everything works: pip and Maven decide where packages come from, never this project."""
    assert [path for path, text in texts() if host in text.lower()] == []


def test_no_file_names_a_folder_of_one_machine():
    """A checkout works wherever it lies, for whoever made it."""
    found = [(path, place[0]) for path, text in texts() for place in HOME.finditer(text)]
    assert found == []


@pytest.mark.parametrize(("word", "others"), INSTEAD.items(), ids=INSTEAD)
def test_one_thing_has_one_name(word, others):
    """Whoever searches for a word of the architecture finds every place: no synonyms beside it."""
    synonym = re.compile(others, re.IGNORECASE)
    found = [
        (path, place[0])
        for path, text in texts()
        if path != "tests/architecture/test_tree.py"
        for place in synonym.finditer(text)
    ]
    assert found == [], f"the project says {word}"
