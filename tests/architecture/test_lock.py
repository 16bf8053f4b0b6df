"""The lock names every package that is needed, for every Python version, and no version is left to chance."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LINES = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
LOCKED = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}


def test_every_line_is_one_exact_version():
    """Two machines install the same: plain name==version lines, each package once, in order."""
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line)] == []
    names = [line.partition("==")[0].lower() for line in LINES]
    assert names == sorted(names)
    assert len(LOCKED) == len(LINES)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_the_lock_is_all_that_is_needed(python):
    """Packages are installed without looking for dependencies, so the lock has to hold all of them."""
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}
    wanted = [Requirement(text) for text in PROJECT["build-system"]["requires"]]
    wanted += [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        wanted += [Requirement(text) for text in extra]
    seen: set[str] = set()
    missing: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        version = LOCKED.get(name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            missing.add(str(requirement))
        elif str(requirement) not in seen:
            seen.add(str(requirement))
            wanted += dependencies(name, requirement.extras, environment)
    assert missing == set()


def dependencies(name: str, extras: set[str], environment: dict[str, str]) -> list[Requirement]:
    try:
        texts = distribution(name).requires or []
    except PackageNotFoundError:
        pytest.fail(f"{name} is locked and not installed: run `make prepare`")
    return [
        requirement
        for requirement in map(Requirement, texts)
        if requirement.marker is None
        or any(requirement.marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))
    ]


def test_what_is_installed_is_what_is_locked():
    """The tests speak about the locked versions, not about what happened to be there."""
    assert {name: distribution(name).version for name in LOCKED} == LOCKED
