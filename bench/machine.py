"""What a result was measured on: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import confluent_kafka
import psutil
import psycopg

from bench import ROOT
from deploy.local.kafka import Kafka


def describe(database_url: str) -> dict[str, str]:
    """By name: all that a reader needs to judge a figure, and to repeat it."""
    with psycopg.connect(database_url) as connection:
        return facts(connection.info.parameter_status("server_version") or "unknown")


def facts(server: str) -> dict[str, str]:
    """The same for a PostgreSQL of this version that no longer has to answer."""
    return {
        "cpu": f"{os.cpu_count()} cores, {_cpu_model()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "kafka": f"Apache Kafka {Kafka.version}, one node",
        "postgresql": server,
        "librdkafka": confluent_kafka.libversion()[0],
        "confluent-kafka": version("confluent-kafka"),
        "commit": _commit(),
    }


_POSTGRES = (
    "shared_buffers", "effective_cache_size", "max_wal_size", "wal_compression", "full_page_writes", "data_checksums",
    "synchronous_commit", "fsync", "checkpoint_timeout",
)  # fmt: skip


def postgres_settings(database_url: str) -> dict[str, str]:
    """What a database server's speed depends on, by name."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s) ORDER BY name", (list(_POSTGRES),)
        )
        return {f"postgresql {name}": value for name, value in rows}


def load() -> float:
    """The mean number of runnable processes of the last minute: what else the machine had to do."""
    return os.getloadavg()[0]


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _commit() -> str:
    def git(*arguments: str) -> str:
        asked = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607 -- constant words
        return asked.stdout.strip()

    commit = git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return "not a git checkout"
    changed = git("status", "--porcelain", "--untracked-files=no")
    return f"{commit} with uncommitted changes" if changed else commit
