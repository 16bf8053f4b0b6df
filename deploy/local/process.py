"""Background processes that outlive the command that started them, known by pid file.

A pid alone is not an identity: the system gives it to a stranger once its owner is gone. A pid file therefore
keeps the start time and the command line too, and nothing is signalled unless all three still agree.
"""

import contextlib
import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from deploy.local.errors import ProgramMissing

try:
    import psutil
except ImportError as missing:
    raise ProgramMissing("psutil", str(missing)) from missing

_CLOCK_TOLERANCE_SECONDS = 2.0  # a start time is derived from the wall clock, which may be corrected meanwhile
_POLL_SECONDS = 0.02

_children: "dict[Process, subprocess.Popen[bytes]]" = {}
"""Started by this very process, so it must collect their exit status; others are collected by init."""


@dataclass(frozen=True)
class Account:
    """The user and group a process runs as."""

    uid: int
    gid: int

    @staticmethod
    def nobody() -> "Account":
        """The account for a program that refuses to run as root."""
        entry = pwd.getpwnam("nobody")
        return Account(entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True)
class Process:
    """A started process, identified beyond doubt."""

    pid: int
    started: float
    command: tuple[str, ...]

    def is_alive(self) -> bool:
        """Whether any thread of this very process still runs, and with it its ports and locks."""
        child = _children.get(self)
        if child is None:
            return self._handle() is not None
        if child.poll() is None:
            return True
        del _children[self]
        return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process, or to nobody if it is gone."""
        handle = self._handle()
        if handle is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                handle.send_signal(number)

    def kill_with_children(self) -> None:
        """SIGKILL it and its children, as a power cut would end them, and wait until they are gone."""
        handle = self._handle()
        if handle is None:
            return
        try:
            family = [handle, *handle.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self.wait_gone(10)
        psutil.wait_procs(family[1:], timeout=10)

    def wait_gone(self, seconds: float) -> bool:
        """Wait until it is gone; False if it still runs after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _handle(self) -> psutil.Process | None:
        try:
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.started) > _CLOCK_TOLERANCE_SECONDS:
                return None
            if found.status() == psutil.STATUS_ZOMBIE:
                # Its main thread has ended, and its command line is gone. Others may still hold its ports.
                return found if found.num_threads() > 1 else None
            return found if tuple(found.cmdline()) == self.command else None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None  # gone, or a stranger's


def this_process() -> Process:
    """The process that asks."""
    handle = psutil.Process()
    return Process(handle.pid, handle.create_time(), tuple(handle.cmdline()))


def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    account: Account | None = None,
) -> Process:
    """Start a command in a session of its own (Ctrl-C does not reach it), its output appended to `log`."""
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603  the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            **as_account(account),
        )
    started = time.time()
    # Until the kernel has laid out the new program's arguments, its command line reads as empty.
    with contextlib.suppress(psutil.NoSuchProcess):
        handle = psutil.Process(child.pid)
        started = handle.create_time()
        while not handle.cmdline():
            time.sleep(_POLL_SECONDS)
    process = Process(child.pid, started, tuple(command))
    _children[process] = child
    return process


class AsAccount(TypedDict, total=False):
    """The arguments that make `subprocess` run a command as another account."""

    user: int
    group: int
    extra_groups: list[int]


def as_account(account: Account | None) -> AsAccount:
    """How to run a command as the account (None: as the caller)."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def clean_environment() -> dict[str, str]:
    """What a server may see of the caller's environment, so that no stray variable changes its settings."""
    kept = ("PATH", "HOME", "TMPDIR", "TZ")
    return {"LANG": "C.UTF-8"} | {name: os.environ[name] for name in kept if name in os.environ}


def write_pid_file(file: Path, process: Process) -> None:
    """Remember a process, in one step."""
    half = file.with_suffix(".half")
    half.write_text(json.dumps(asdict(process)))
    half.replace(file)


def read_pid_file(file: Path) -> Process | None:
    """The process a pid file names, if it is still that process; a stale file is removed."""
    try:
        content = json.loads(file.read_text())
        process = Process(content["pid"], content["started"], tuple(content["command"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        file.unlink(missing_ok=True)  # cut short by a crash: it identifies nobody
        return None
    if not process.is_alive():
        file.unlink(missing_ok=True)
        return None
    return process
