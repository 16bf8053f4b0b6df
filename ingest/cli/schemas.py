"""`ordergate schemas`: the Avro schemas of what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ingest.cli.deployment import settings
from ingest.cli.errors import SchemaRefused
from ingest.cli.terminal import console, emit, say, table
from ingest.errors import RegistryAway
from ingest.settings import Settings
from schemas import registry
from schemas.catalogue import RECORD_TYPES
from schemas.generate import FOLDER, published_files
from schemas.lint import lint as lint_definitions
from schemas.registry import SubjectReport, SubjectState

NOT_IN_ORDER = 1
_STYLES = {
    SubjectState.REGISTERED: "good",
    SubjectState.MISSING: "doubtful",
    SubjectState.INCOMPATIBLE: "bad",
}


def show() -> int:
    """Tell people; gives the exit code."""
    given = settings()
    reports = ask(given)
    shown = table("record", "version", "topic", "id", "state", "compatibility", right=("id",))
    for report in reports:
        known = RECORD_TYPES[report.record]
        shown.add_row(
            report.record,
            known.version,
            known.topic,
            "" if report.schema_id is None else str(report.schema_id),
            f"[{_STYLES[report.state]}]{report.state.value}[/]",
            report.compatibility or "",
        )
    console().print(shown)
    if any(report.state is SubjectState.MISSING for report in reports):
        say("ordergate: some schemas are not registered; `ordergate schemas register` registers them")
    return _code(reports)


def show_json() -> int:
    """One line of JSON a record type; gives the exit code."""
    reports = ask(settings())
    for report in reports:
        known = RECORD_TYPES[report.record]
        emit(
            {
                "record": report.record,
                "version": known.version,
                "topic": known.topic,
                "subject": report.subject,
                "state": report.state.value,
                "schema_id": report.schema_id,
                "compatibility": report.compatibility,
                "fingerprint": registry.fingerprint(report.record),
            }
        )
    return _code(reports)


def register() -> None:
    """Register every schema of this version."""
    given = settings()
    ids = prepare(given)
    say(f"ordergate: {len(ids)} schemas are registered at {given.schema_registry_address}")


def prepare(given: Settings) -> dict[str, int]:
    """Register every schema, silently; gives the ids by record. Raises SchemaRefused or RegistryAway."""
    with _told():
        return registry.register(given.schema_registry_url.get_secret_value())


def ask(given: Settings) -> list[SubjectReport]:
    """How each subject stands. Raises RegistryAway."""
    with _told():
        return registry.check(given.schema_registry_url.get_secret_value())


def lint() -> int:
    """Check the schema files; gives the exit code."""
    problems = [*lint_definitions(), *_changed_though_published()]
    for problem in problems:
        console().print(problem, markup=False, soft_wrap=True)
    if not problems:
        say(f"ordergate: the schemas of {len(RECORD_TYPES)} record types are in order")
    return NOT_IN_ORDER if problems else 0


def _changed_though_published() -> Iterator[str]:
    for path, text in published_files().items():
        file = FOLDER / path
        if not file.exists():
            yield f"{path}: is not published yet; run python -m schemas.generate"
        elif file.read_text(encoding="utf-8") != text:
            yield f"{path}: the schema has changed since this version was published; raise its version"


def _code(reports: list[SubjectReport]) -> int:
    return 0 if all(report.state is SubjectState.REGISTERED for report in reports) else NOT_IN_ORDER


@contextmanager
def _told() -> Iterator[None]:
    """The registry's errors in the words of the others."""
    try:
        yield
    except registry.SchemaIncompatibleError as error:
        raise SchemaRefused(error.address, error.subject, str(error)) from error
    except registry.RegistryAwayError as error:
        raise RegistryAway(error.address, error.detail) from error
