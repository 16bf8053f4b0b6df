"""Only the very process that was started is ever signalled."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import process
from deploy.local.process import Process

SLEEP = (sys.executable, "-c", "import time; time.sleep(120)")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    started = process.start(SLEEP, environment=process.clean_environment(), folder=tmp_path, log=tmp_path / "log")
    yield started
    started.kill_with_children()


def test_a_pid_given_to_a_stranger_is_not_ours(sleeper: Process, tmp_path: Path) -> None:
    """After a reboot a pid file names someone else's process: it is removed, the process goes on."""
    pid_file = tmp_path / "kafka.json"
    for stranger in (
        replace(sleeper, started=sleeper.started - 3600),
        replace(sleeper, command=("java", "kafka.Kafka")),
    ):
        process.write_pid_file(pid_file, stranger)
        assert process.read_pid_file(pid_file) is None
        assert not pid_file.exists()
        stranger.signal(signal.SIGKILL)
        stranger.kill_with_children()
    assert sleeper.is_alive()


def test_a_pid_file_finds_its_process_again(sleeper: Process, tmp_path: Path) -> None:
    """A later command stops what an earlier one started."""
    process.write_pid_file(tmp_path / "kafka.json", sleeper)
    found = process.read_pid_file(tmp_path / "kafka.json")
    assert found == sleeper
    found.signal(signal.SIGTERM)
    assert found.wait_gone(10)
    assert process.read_pid_file(tmp_path / "kafka.json") is None


def test_a_pid_file_cut_by_a_crash_names_nobody(tmp_path: Path) -> None:
    """It is removed, not an error that keeps the stack from starting."""
    (tmp_path / "kafka.json").write_text('{"pid": 1, "sta')
    assert process.read_pid_file(tmp_path / "kafka.json") is None
    assert not (tmp_path / "kafka.json").exists()


def test_an_ended_child_nobody_waited_for_is_not_alive(tmp_path: Path) -> None:
    """A server that crashed is seen as crashed by the very process that started it."""
    ended = process.start(("true",), environment=process.clean_environment(), folder=tmp_path, log=tmp_path / "log")
    assert ended.wait_gone(10)


def test_ctrl_c_does_not_reach_the_servers(sleeper: Process) -> None:
    """Stopping the command one waits for leaves the stack running."""
    assert os.getsid(sleeper.pid) == sleeper.pid != os.getsid(0)


def test_a_server_sees_none_of_the_callers_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stray QUARKUS_ or KAFKA_ variable would change a server in a way nobody looks for."""
    monkeypatch.setenv("QUARKUS_HTTP_PORT", "1")
    monkeypatch.setenv("KAFKA_OPTS", "-Xmx1m")
    printed = subprocess.run(["env"], env=process.clean_environment(), capture_output=True, text=True, check=True)
    assert "QUARKUS" not in printed.stdout
    assert "KAFKA" not in printed.stdout
