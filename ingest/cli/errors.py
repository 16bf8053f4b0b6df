"""What keeps a command from doing its work, beside what can stop the pipeline itself."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.errors import OrdergateError


class AddressesMissing(OrdergateError):
    """Start the local stack, or say where Kafka, PostgreSQL and the registry are."""

    def __init__(self, variables: Sequence[str], run_dir: str) -> None:
        """`variables`: those not set; `run_dir`: where a local stack would be."""
        super().__init__(
            f"no local stack runs here, and the environment does not set {', '.join(variables)}",
            known=f"a local stack of this checkout would be in {run_dir}",
            safe="nothing was read and nothing was written",
            do="run `ordergate up`, or set the variables to the addresses of your deployment",
        )


class NotFound(OrdergateError):
    """Ask for something that is known."""

    def __init__(self, what: str, known: str, do: str) -> None:
        super().__init__(what, known=known, safe="nothing was changed", do=do)


class Undelivered(OrdergateError):
    """Find out why the broker refuses a raw event."""

    def __init__(self, files: Sequence[str], reason: str) -> None:
        """`files` were not published; `reason`: the client's words."""
        super().__init__(
            f"{len(files)} of the payloads could not be published",
            known=f"{', '.join(files)}: {reason}",
            safe="what was printed is published, once; what is named here is not",
            do="look at `ordergate check`, then publish the named files again",
        )


class UnsafeSettings(OrdergateError):
    """Correct what would break a promise: the worker does not start on it."""

    def __init__(self, problems: Sequence[str], remedies: Sequence[str]) -> None:
        """`problems` and `remedies` belong together, one line each."""
        super().__init__(
            "the worker does not start: its surroundings are unsafe",
            known="\n".join(problems),
            safe="nothing was read and nothing was published",
            do="\n".join(remedies),
        )


class SchemaRefused(OrdergateError):
    """Change a schema: readers or writers of an earlier version would break."""

    def __init__(self, address: str, subject: str, detail: str) -> None:
        """`address`: the registry without credentials; `detail`: what the registry says."""
        super().__init__(
            f"the schema registry at {address} refuses the schema of {subject}",
            known=detail,
            safe="nothing was registered: readers and writers go on with what they have",
            do="add only optional fields with a default; never remove, rename or retype one; register again",
        )
