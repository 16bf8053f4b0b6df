"""The local stack starts whole, keeps its data, and leaves nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from deploy.local.downloads import user_cache
from deploy.local.errors import FolderUnusable, NotOurs, PortTaken, StartFailed
from deploy.local.stack import Endpoints, Stack, State, default_run_dir, masked
from tests.stack import local_stack, remove_stack

ROOT = Path(__file__).parents[2]
NOTHING_GIVEN: dict[str, str] = {}
SCHEMA = Schema('"string"', "AVRO")


def processes_of(run_dir: Path) -> list[psutil.Process]:
    """Every process of the machine that mentions the run directory, or a stack's in it, or works there."""
    here = (str(run_dir), *(str(link.resolve()) for link in run_dir.rglob("postgres")))
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        words = [*(process.info["cmdline"] or []), process.info["cwd"] or ""]
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(word.startswith(here) for word in words):
            found.append(process)
    return found


def put(endpoints: Endpoints, word: str) -> None:
    """Leave a word in each of the three parts."""
    admin = AdminClient({"bootstrap.servers": endpoints.kafka_bootstrap_servers})
    admin.create_topics([NewTopic("words", 1)])["words"].result(10)
    producer = Producer({"bootstrap.servers": endpoints.kafka_bootstrap_servers})
    producer.produce("words", word.encode())
    assert producer.flush(10) == 0
    with psycopg.connect(endpoints.database_url) as connection:
        connection.execute("CREATE TABLE words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])
    SchemaRegistryClient({"url": endpoints.schema_registry_url}).register_schema(word, SCHEMA)


def words_in(endpoints: Endpoints) -> tuple[list[str], list[str], list[str]]:
    """The words each of the three parts holds."""
    consumer = Consumer({"bootstrap.servers": endpoints.kafka_bootstrap_servers, "group.id": "reads-all"})
    consumer.assign([TopicPartition("words", 0, 0)])
    message = consumer.poll(20)
    consumer.close()
    with psycopg.connect(endpoints.database_url) as connection:
        rows = connection.execute("SELECT word FROM words").fetchall()
    subjects = SchemaRegistryClient({"url": endpoints.schema_registry_url}).get_subjects()
    return [message.value().decode()] if message else [], [row[0] for row in rows], subjects


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own, beside the one of the session."""
    run_dir = tmp_path_factory.mktemp("own") / "a stäck, mine"  # a folder as people name them
    yield Stack(run_dir, environment=NOTHING_GIVEN)
    remove_stack(run_dir)


@pytest.mark.stack
def test_two_stacks_run_side_by_side_and_keep_their_data(running_stack: Stack, own_stack: Stack) -> None:
    """Two checkouts on one machine do not meet; down and up lose nothing, even if a port was taken."""
    other = running_stack.endpoints()
    assert other is not None
    others_registry = SchemaRegistryClient({"url": other.schema_registry_url})
    others_subjects = others_registry.get_subjects()
    first = own_stack.up()
    assert not {*_ports(first)} & {*_ports(other)}
    put(first, "own")
    assert words_in(first) == (["own"], ["own"], ["own"])
    assert others_registry.get_subjects() == others_subjects

    own_stack.down()
    assert processes_of(own_stack.run_dir) == []
    assert own_stack.endpoints() is None
    assert {part.state for part in own_stack.status()} == {State.STOPPED}
    assert running_stack.endpoints() == other, "the other stack goes on"

    spoken: list[str] = []
    taken = own_stack.postgres.port, own_stack.kafka.port
    with socket.create_server(("127.0.0.1", taken[0])), socket.create_server(("127.0.0.1", taken[1])):
        second = own_stack.up(spoken.append)
    assert second.kafka_bootstrap_servers != first.kafka_bootstrap_servers
    assert second.schema_registry_url == first.schema_registry_url
    assert second.database_url != first.database_url
    assert len([line for line in spoken if "is taken by another process" in line]) == 2
    assert words_in(second) == (["own"], ["own"], ["own"])

    own_stack.forget()
    assert processes_of(own_stack.run_dir) == []
    assert {file.name for file in own_stack.run_dir.iterdir()} <= {".lock", "ordergate-stack"}


@pytest.mark.stack
def test_up_on_a_running_stack_changes_nothing(running_stack: Stack) -> None:
    """Every command may begin with `up`: it answers at once with the addresses of what runs."""
    before = [part.pid for part in running_stack.status()]
    began = time.monotonic()
    again = Stack(running_stack.run_dir).up()
    assert time.monotonic() - began < 2
    assert again == running_stack.endpoints()
    assert [part.pid for part in running_stack.status()] == before
    assert {part.state for part in running_stack.status()} == {State.RUNNING}


@pytest.mark.stack
def test_nobody_else_learns_the_password(running_stack: Stack) -> None:
    """It is in one file of the owner's and in the address given to clients, in nothing that is shown."""
    endpoints = running_stack.up()
    password = running_stack.postgres.password()
    assert password in endpoints.database_url
    assert stat.S_IMODE((running_stack.run_dir / "postgres.password").stat().st_mode) == 0o600
    shown = [repr(endpoints), *(repr(part) for part in running_stack.status())]
    shown += [word for process in processes_of(running_stack.run_dir) for word in process.cmdline()]
    assert not any(password in text for text in shown)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(endpoints.database_url.replace(password, "wrong"))


@pytest.mark.stack
def test_parts_can_be_stopped_killed_and_brought_back_alone(running_stack: Stack) -> None:
    """Tests of faults take one part away and give it back on the same port with the same data."""
    endpoints = running_stack.up()
    with psycopg.connect(endpoints.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    running_stack.postgres.kill()
    assert running_stack.postgres.running() is None
    running_stack.postgres.start()
    with psycopg.connect(endpoints.database_url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
        connection.execute("DROP TABLE kept")

    running_stack.registry.kill()
    with socket.create_server(("127.0.0.1", running_stack.registry.port)), pytest.raises(PortTaken):
        running_stack.registry.start()
    running_stack.kafka.stop()
    running_stack.kafka.start()
    running_stack.registry.start()
    assert running_stack.endpoints() == endpoints
    assert {part.state for part in running_stack.status()} == {State.RUNNING}


@pytest.mark.stack
def test_a_start_that_fails_stops_what_it_had_started(tmp_path: Path) -> None:
    """Nobody has to look for half a stack; the message shows the end of the log that tells why."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for whole in user_cache().glob("kafka-*"):
        (cache / whole.name).symlink_to(whole)
    for whole in user_cache().glob("registry-*"):
        (cache / whole.name).mkdir()  # unpacked, but the application is gone
    stack = Stack(tmp_path / "run", environment=NOTHING_GIVEN, cache=cache)
    with pytest.raises(StartFailed) as failed:
        stack.up()
    assert "Apicurio Registry did not start" in str(failed.value)
    assert "Unable to access jarfile" in str(failed.value)
    assert processes_of(tmp_path / "run") == []
    remove_stack(tmp_path / "run")


@pytest.mark.stack
def test_ctrl_c_while_it_starts_leaves_nothing_running(tmp_path: Path) -> None:
    """An impatient person gets the prompt back and no servers in the background."""
    run_dir = tmp_path / "run"
    program = f"from pathlib import Path; from deploy.local.stack import Stack; Stack(Path({str(run_dir)!r})).up()"
    starting = subprocess.Popen(
        [sys.executable, "-c", program],
        stderr=subprocess.DEVNULL,
        # A test run in the background ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not (run_dir / "pids" / "postgres.json").exists():
        assert starting.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    starting.send_signal(signal.SIGINT)
    assert starting.wait(60) != 0
    assert processes_of(run_dir) == []
    remove_stack(run_dir)


@pytest.mark.stack
def test_the_stack_of_a_killed_test_session_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time limit that kills pytest does not fill the machine with brokers nobody asks for."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "elsewhere:9092")
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "https://elsewhere")
    program = (
        "from pathlib import Path; import time; from tests.stack import local_stack\n"
        f"with local_stack(Path({str(tmp_path)!r})): print('up', flush=True); time.sleep(120)"
    )
    session = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT)
    with session:
        assert session.stdout is not None
        assert session.stdout.readline() == b"up\n"
        session.kill()
    assert processes_of(tmp_path) != []
    with local_stack(tmp_path) as stack:
        assert [file.name for file in tmp_path.glob("*.owner")] == [f"{stack.run_dir.name}.owner"]
        assert {process.pid for process in processes_of(tmp_path)} == {
            process.pid for process in processes_of(stack.run_dir)
        }
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.stack
def test_a_part_that_runs_elsewhere_is_not_started(tmp_path: Path) -> None:
    """Who has a broker and a registry gets a database only; the address of a password is masked."""
    given = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "SCHEMA_REGISTRY_URL": "https://me:secret@registry/v7"}
    stack = Stack(tmp_path / "run", environment=given)
    endpoints = stack.up()
    assert endpoints.kafka_bootstrap_servers == "broker:9092"
    assert endpoints.schema_registry_url == "https://me:secret@registry/v7"
    states = {part.name: part.state for part in stack.status()}
    assert states == {
        "Apache Kafka": State.EXTERNAL,
        "PostgreSQL": State.RUNNING,
        "Apicurio Registry": State.EXTERNAL,
    }
    assert "secret" not in repr(stack.status())
    with pytest.raises(NotOurs, match="KAFKA_BOOTSTRAP_SERVERS"):
        stack.kafka.stop()
    remove_stack(tmp_path / "run")


def test_three_parts_elsewhere_need_no_stack_at_all(tmp_path: Path) -> None:
    """In production nothing is started, written or locked here."""
    given = {
        "KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
        "DATABASE_URL": "postgresql+psycopg://me:secret@database/orders",
        "SCHEMA_REGISTRY_URL": "https://registry",
    }
    stack = Stack(tmp_path / "run", environment=given)
    assert stack.up() == stack.endpoints()
    assert stack.up().database_url == "postgresql://me:secret@database/orders"
    assert not (tmp_path / "run").exists()


def test_a_registry_is_never_stored_in_a_database_someone_gave(tmp_path: Path) -> None:
    """With DATABASE_URL alone, a PostgreSQL of the stack's own is there for the registry."""
    stack = Stack(tmp_path / "run", environment={"DATABASE_URL": "postgresql://me:secret@database/orders"})
    shown = [(part.name, part.state, part.note) for part in stack.status()]
    assert ("PostgreSQL", State.EXTERNAL, "named by DATABASE_URL") in shown
    assert ("PostgreSQL", State.STOPPED, "for the registry alone") in shown


def test_each_checkout_has_a_stack_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder of a checkout, `up` and `down` mean the same stack; a variable names another."""
    (tmp_path / "checkout" / ".git").mkdir(parents=True)
    (tmp_path / "checkout" / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "checkout" / "docs")
    assert default_run_dir({}) == tmp_path / "checkout" / ".run" / "stack"
    assert default_run_dir({"ORDERGATE_RUN_DIR": str(tmp_path / "mine")}) == tmp_path / "mine"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:s3cr:t@db:5432/orders", "postgresql://me:***@db:5432/orders"),
        (
            "postgresql://db/orders?user=me&password=s3cr&sslmode=require",
            "postgresql://db/orders?user=me&password=***&sslmode=require",
        ),
        ("https://:s3cr@registry/v7", "https://:***@registry/v7"),
        ("one:9092,two:9092", "one:9092,two:9092"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    """`status` can be pasted into a ticket."""
    assert masked(address) == shown


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """ORDERGATE_RUN_DIR=~ by mistake neither fills a home nor, with --fresh, empties it."""
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "thesis.txt").write_text("years of work")
    stack = Stack(tmp_path, environment=NOTHING_GIVEN)
    with pytest.raises(FolderUnusable, match="not a stack's"):
        stack.up()
    stack.forget()
    stack.down()
    assert [file.name for file in tmp_path.rglob("*")] == ["kafka", "thesis.txt"]


def test_a_stale_pid_file_kills_nobody(tmp_path: Path) -> None:
    """After a reboot the numbers in the pid files belong to others; down takes them for what they are."""
    run_dir = tmp_path / "run"
    (run_dir / "pids").mkdir(parents=True)
    (run_dir / "ordergate-stack").touch()
    us = {"pid": os.getpid(), "started": 0.0, "command": ["java", "kafka.Kafka"]}
    for name in ("kafka", "postgres", "registry"):
        (run_dir / "pids" / f"{name}.json").write_text(json.dumps(us))
    Stack(run_dir, environment=NOTHING_GIVEN).down()
    assert list((run_dir / "pids").iterdir()) == []


def _ports(endpoints: Endpoints) -> list[int]:
    addresses = (endpoints.kafka_bootstrap_servers, endpoints.database_url, endpoints.schema_registry_url)
    return [int(address.rpartition("127.0.0.1:")[2].partition("/")[0]) for address in addresses]
