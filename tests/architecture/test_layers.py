"""Imports point down: the pure core stays free of the shell around it, and nobody reaches sideways."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from .tree import PACKAGES, modules

BELOW = {
    "schemas": (),
    "mappers": ("schemas",),
    "quality": ("schemas",),
    "guests": ("schemas",),
    "producers": ("schemas",),
    "consumers": ("schemas", "mappers"),
    "deploy": (),
    # A witness that shares code with whom it judges would share its mistakes: the audit imports nothing of ours.
    "audit": (),
    "ingest": ("schemas", "mappers", "quality", "guests", "consumers", "producers", "deploy"),
    "bench": ("schemas", "mappers", "quality", "guests", "consumers", "producers", "ingest", "deploy"),
}

CANDIDATE = "mappers.candidate"
"""What a mapper returns, values without behaviour: whoever decides on candidates has to name them."""
EXCEPTIONS = {("guests", CANDIDATE), ("quality", CANDIDATE)}
COMMAND_LINE = "ingest/cli/"
"""The only place of the packages that may import the audit: to show what it says."""

PURE = ("mappers", "quality", "guests")
"""Time, ids and randomness come in as arguments; there is no I/O but reading their own tables at load."""
IMPURE = (
    "asyncio", "confluent_kafka", "datetime", "http", "logging", "os", "psycopg", "random", "requests",
    "schemas.registry", "secrets", "socket", "sqlalchemy", "structlog", "subprocess", "threading", "time",
    "urllib", "uuid",
)  # fmt: skip


def imports(source: str) -> Iterator[str]:
    """Every module that is imported anywhere in the source, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def breaches(package: str, source: str, path: str = "") -> list[str]:
    allowed = {package, *BELOW[package]} | ({"audit"} if path.startswith(COMMAND_LINE) else set())
    return [
        name
        for name in imports(source)
        if (top := name.partition(".")[0]) in PACKAGES
        and top not in allowed
        and not any(within(name, module) for who, module in EXCEPTIONS if who == package)
    ]


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def test_every_package_has_its_place():
    """A new package cannot slip past this table."""
    assert set(BELOW) == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_down(package):
    """A change in a mapper cannot break the registry client, and the core can be read without the shell."""
    found = [(path, breaches(package, source, path)) for path, source in modules() if path.startswith(package + "/")]
    assert found
    assert [(path, names) for path, names in found if names] == []


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("schemas", "import mappers"),
        ("mappers", "from quality.finding import Finding"),
        ("guests", "def late():\n    from mappers import web"),
        ("guests", "from mappers.candidates import Order"),
        ("deploy", "import ingest.settings"),
        ("audit", "from schemas.codec import Codec"),
        ("ingest", "from audit import run"),
    ],
)
def test_an_import_that_points_up_or_sideways_is_found(package, source):
    """The rule has teeth, wherever the import hides."""
    assert breaches(package, source)


@pytest.mark.parametrize("package", PURE)
def test_the_core_reads_no_clock_and_does_no_io(package):
    """The same event gives the same order everywhere: in a worker, in `ordergate map`, in a year."""
    found = {
        (path, name)
        for path, source in modules()
        if path.startswith(package + "/")
        for name in imports(source)
        if any(within(name, module) for module in IMPURE)
    }
    assert found == set()
