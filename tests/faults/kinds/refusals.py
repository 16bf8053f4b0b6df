"""PostgreSQL or the broker refuses what is written: no room, a constraint, a record that is too large."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from psycopg import sql

from audit import Report
from producers.topics import ORDERS
from tests.faults.case import Case, Kind, Skip
from tests.faults.operator import admin
from tests.integration.deployment import wait_until
from tests.integration.records import shopify, shopify_order


class DiskFull(Kind):
    """The disk of the deployment's tables is full for a while, then there is room again."""

    name = "PostgreSQL's disk full"

    def arrange(self, case: Case) -> None:
        if os.geteuid() != 0:
            raise Skip("only root may mount a small file system for PostgreSQL's tables")
        self.disk = case.open(_small_disk(case))

    def strike(self, case: Case) -> None:
        case.wait_decided(0.05)
        for _ in range(case.chance.randint(1, 2)):
            filler = self.disk / "filler"
            _fill(filler)
            case.strike("no room")
            case.pause(1, 4)
            filler.unlink()
            case.pause(0.5, 2)


@contextlib.contextmanager
def _small_disk(case: Case) -> Iterator[Path]:
    """A small file system with the deployment's database on it."""
    postgres, url = case.lane.stack.postgres, case.deployment.database_url
    database = url.rpartition("/")[2].partition("?")[0]
    space = f"space_{database}"
    owner = Path(postgres.folder / "data").stat()
    with tempfile.TemporaryDirectory(prefix="ordergate-disk-", dir=postgres.folder.resolve().parent) as name:
        disk = Path(name)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)], check=True)
        os.chown(disk, owner.st_uid, owner.st_gid)
        tables = disk / "tables"
        tables.mkdir()
        os.chown(tables, owner.st_uid, owner.st_gid)
        try:
            with psycopg.connect(postgres.url(), autocommit=True) as connection:
                location, names = sql.Literal(str(tables)), (sql.Identifier(space), sql.Identifier(database))
                connection.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(names[0], location))
                connection.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE {}").format(names[1], names[0]))
            yield disk
        finally:
            _move_back(case, database, space)
            subprocess.run(["umount", str(disk)], check=True)


def _move_back(case: Case, database: str, space: str) -> None:
    case.deployment.close()  # nobody may be connected
    with psycopg.connect(case.lane.stack.postgres.url(), autocommit=True) as connection:
        names = sql.Identifier(database), sql.Identifier(space)
        connection.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE pg_default").format(names[0]))
        connection.execute(sql.SQL("DROP TABLESPACE {}").format(names[1]))


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(b"\0" * 65536)


class Poison(Kind):
    """PostgreSQL refuses what one event of a batch writes: that one is quarantined, all others go their way."""

    name = "a poison batch"

    def arrange(self, case: Case) -> None:
        self.numbers = case.chance.sample(range(10**7, 10**7 + 60), 3)
        told = " AND ".join(f"source_order_number IS DISTINCT FROM '#{number}'" for number in self.numbers)
        case.deployment.rows_written(f"ALTER TABLE orders ADD CONSTRAINT poison CHECK ({told})")

    def strike(self, case: Case) -> None:
        case.wait_decided(0.05)
        case.deployment.publish(
            shopify(shopify_order(number), "orders/create", partition=number % 3) for number in range(10**7, 10**7 + 60)
        )
        case.others += 60
        if case.chance.random() < 0.5:
            case.pause(0, 1)
            case.supervisor.kill(case.chance.choice(case.supervisor.posts))
            case.strike("one is killed")

    def judge(self, case: Case, report: Report) -> None:
        super().judge(case, report)
        refused = case.deployment.rows(
            'SELECT count(*) FROM quarantine WHERE reasons @> \'[{"rule": "record_refused"}]\''
        )
        assert refused == [(3,)], f"3 poisonous events, and {refused[0][0]} were quarantined"
        case.result.faults += 3


class TooLarge(Kind):
    """The broker takes no large record on an output topic for a while: somebody has lowered its limit."""

    name = "output larger than the broker takes"

    def strike(self, case: Case) -> None:
        case.wait_decided(0.05)
        limit = str(case.chance.choice((500, 1500, 3000)))
        with _limited(case, limit):
            case.strike(f"at most {limit} bytes")
            noticed = "in_doubt"
            wait_until(
                lambda: any(noticed in w.text() for w in case.supervisor.running()) or case.is_settled(),
                20, "the limit is met", case.deployment.state,
            )  # fmt: skip
            case.pause(0.5, 3)


@contextlib.contextmanager
def _limited(case: Case, limit: str) -> Iterator[None]:
    def alter(value: str) -> None:
        entry = ConfigEntry("max.message.bytes", value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, ORDERS.name, incremental_configs=[entry])
        with admin(case) as client:
            client.incremental_alter_configs([resource])[resource].result()

    alter(limit)
    try:
        yield
    finally:
        alter(ORDERS.config()["max.message.bytes"])


KINDS: list[Kind] = [DiskFull(), Poison(), TooLarge()]
