"""The files of this project, as a reader of it sees them: without what .gitignore names."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "schemas", "mappers", "quality", "guests", "consumers", "producers", "ingest", "deploy", "bench", "audit"
)  # fmt: skip


def texts() -> Iterator[tuple[str, str]]:
    """(path from the top, content) of every text file."""
    for path in _files(ROOT, _ignored()):
        try:
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def modules() -> Iterator[tuple[str, str]]:
    """(path from the top, source) of every module of the packages that are shipped."""
    return ((path, text) for path, text in texts() if path.endswith(".py") and path.split("/")[0] in PACKAGES)


def _files(folder: Path, ignored: list[str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path, ignored)
        elif path.is_file():
            yield path


def _ignored() -> list[str]:
    patterns = (ROOT / ".gitignore").read_text("utf-8").split()
    return [".git", *(pattern.rstrip("/") for pattern in patterns)]
