"""What the README and docs/ say is true: commands exist, paths lead somewhere, tables are the code's."""

from __future__ import annotations

import re
import runpy
import shlex
from typing import Any

import pytest
import typer.main

from ingest.cli.commands import app
from ingest.errors import Cause
from producers.topics import OUTPUT_TOPICS
from quality.outcome import Outcome

from .tree import ROOT

README = (ROOT / "README.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
DOCUMENTS = [
    pytest.param(path, id=str(path.relative_to(ROOT)))
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def rows(text: str, first_heading: str) -> list[list[str]]:
    """The rows of the Markdown table whose first column has that heading."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_heading} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return found


def commands(text: str, program: str) -> list[str]:
    """Every use of a program in the text's code, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.split(" #")[0] for block in blocks for line in block.splitlines()]
    inline = re.findall(rf"`({program} [^`]*)`", text)
    parts = [part.strip().removesuffix("&").strip() for line in [*lines, *inline] for part in line.split("&& ")]
    return [part for part in parts if part.startswith(program + " ")]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_ordergate_command_exists_with_its_options(path):
    """A newcomer can copy any command: none was renamed, none has an option that is gone."""
    for command in commands(path.read_text("utf-8"), "ordergate"):
        words = [word for word in shlex.split(command)[1:] if word not in ("…", "COMMAND", "--help")]
        at: Any = typer.main.get_command(app)
        while words and hasattr(at, "commands"):
            assert words[0] in at.commands, command
            at = at.commands[words.pop(0)]
        known = {option for parameter in at.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-") and word != "-"} <= known, command


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_make_target_exists(path):
    """What the documents call `make …` is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    for command in commands(path.read_text("utf-8"), "make"):
        assert command.split()[1] in targets, command


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_path_leads_somewhere(path):
    """Links and file names in the documents are there in the checkout."""
    text = path.read_text("utf-8")
    links = {path.parent / link for link in re.findall(r"\]\(([^)#:]+)\)", text)}
    named = {ROOT / name for name in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text)}
    payloads = {ROOT / name for name in re.findall(r"mappers/cases/\S+\.json", text)}
    assert {str(one.relative_to(ROOT)) for one in links | named | payloads if not one.exists()} == set()


def test_the_readme_shows_the_example_as_it_is():
    """What is read is what runs in the tests: the README's consumer is the file, documentation apart."""
    example = (ROOT / "examples" / "consume_orders.py").read_text("utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert example.endswith('"""\n\n' + shown)


def test_the_readme_can_be_read_in_ten_minutes():
    """A newcomer gets through it: at most 200 lines."""
    assert README.count("\n") <= 200


def test_the_readme_names_every_output_topic_with_its_key():
    """A consumer finds all topics, with the key that the code gives them."""
    told = [(topic, key) for topic, key, _value in rows(README, "topic")]
    assert told == [(topic.name, topic.key) for topic in OUTPUT_TOPICS]


def test_the_readme_tells_every_outcome():
    """Whoever meets an outcome finds what it means."""
    assert [name for name, *_ in rows(README, "outcome")] == [outcome.value for outcome in Outcome]


def test_the_table_of_settings_is_current():
    """An operator reads the defaults and bounds that are in force; `make docs` writes them anew."""
    written = runpy.run_path(str(ROOT / "docs" / "generate.py"))["operations"](OPERATIONS)
    assert written == OPERATIONS, "run `make docs`"


def test_every_halt_is_explained():
    """Whatever a halted partition says, docs/operations.md says what has usually happened."""
    told = [cause for cause, *_ in rows(OPERATIONS, "the message says")]
    assert sorted(told) == sorted(Cause)
