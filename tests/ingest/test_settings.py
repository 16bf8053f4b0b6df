"""Settings are read once, refused with every reason, and never shown when they are secret."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.errors import Cause, ConfigurationRefused, OrdergateError, PartitionHalted
from ingest.settings import Settings, variable

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def addresses(monkeypatch):
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    monkeypatch.setenv("DATABASE_URL", "postgresql://ordergate:canary-password@db.example:5433/orders")
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://user:canary-password@registry.example:8081")


def test_three_addresses_are_enough_to_start():
    """An operator sets three variables; all else has a default that is safe."""
    settings = Settings.load()
    assert settings.kafka_bootstrap_servers == "127.0.0.1:9092"
    assert settings.group_id == "ordergate"
    assert settings.batch_size == 1000
    assert settings.park_deadline == timedelta(minutes=15)
    assert settings.http_host == "127.0.0.1"
    assert settings.channels == ()


def test_every_setting_explains_itself():
    """Docs are made from the settings: each says what it is, its unit, and the reason for its default."""
    for name, field in Settings.model_fields.items():
        assert field.description and field.description.endswith("."), name
        extra = field.json_schema_extra
        assert isinstance(extra, dict) and extra["unit"] and extra["reason"], name


def test_environment_is_typed(monkeypatch):
    """What an operator writes in the environment arrives as numbers, durations and lists."""
    monkeypatch.setenv("ORDERGATE_BATCH_SIZE", "250")
    monkeypatch.setenv("ORDERGATE_PARK_DEADLINE", "PT5M")
    monkeypatch.setenv("ORDERGATE_CHANNELS", "shopify, web,")
    settings = Settings.load()
    assert settings.batch_size == 250
    assert settings.park_deadline == timedelta(minutes=5)
    assert settings.channels == ("shopify", "web")


def test_given_values_win_over_the_environment(monkeypatch):
    """A command-line option is stronger than the environment."""
    monkeypatch.setenv("ORDERGATE_HTTP_PORT", "9000")
    assert Settings.load(http_port=0, kafka_bootstrap_servers="other:9092").http_port == 0
    assert Settings.load(kafka_bootstrap_servers="other:9092").kafka_bootstrap_servers == "other:9092"


def test_all_problems_are_named_at_once(monkeypatch):
    """Nobody corrects one setting only to be told of the next."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    monkeypatch.setenv("ORDERGATE_BATCH_SIZE", "0")
    monkeypatch.setenv("ORDERGATE_LOG_FORMAT", "xml")
    with pytest.raises(ConfigurationRefused) as refused:
        Settings.load()
    text = str(refused.value)
    assert text.startswith("ordergate: the configuration is refused: 3 settings are wrong.")
    assert "KAFKA_BOOTSTRAP_SERVERS: not set; expected host:port" in text
    assert "ORDERGATE_BATCH_SIZE: " in text
    assert "ORDERGATE_LOG_FORMAT: Input should be 'auto', 'json' or 'console'" in text
    assert "  safe     " in text and "  do       " in text


def test_a_misspelt_setting_is_refused(monkeypatch):
    """A limit with a typing error would silently not apply."""
    monkeypatch.setenv("ORDERGATE_BATCH_SIZ", "10")
    with pytest.raises(ConfigurationRefused, match="did you mean ORDERGATE_BATCH_SIZE"):
        Settings.load()


def test_a_variable_of_somebody_else_is_left_alone(monkeypatch):
    """Scripts may keep their own ORDERGATE_ variables."""
    monkeypatch.setenv("ORDERGATE_IMAGE_TAG", "v1")
    Settings.load()


def test_a_missing_hash_key_is_refused_where_it_is_needed():
    """There is no default key: whoever knows it can test guesses of addresses against the hashes."""
    with pytest.raises(ConfigurationRefused, match="ORDERGATE_CONTACT_HASH_KEY: not set"):
        Settings.load().hash_key()


def test_a_short_hash_key_is_refused(monkeypatch):
    """A key that can be guessed gives away every contact; the message does not repeat it."""
    monkeypatch.setenv("ORDERGATE_CONTACT_HASH_KEY", "canary-short")
    with pytest.raises(ConfigurationRefused, match="at least 32 bytes") as refused:
        Settings.load()
    assert "canary" not in str(refused.value)
    with pytest.raises(ValueError, match="at least 32 bytes") as error:
        Settings()
    assert "canary" not in str(error.value)


def test_no_secret_is_shown(monkeypatch):
    """Printing settings, or a message made from them, reveals neither password nor key."""
    monkeypatch.setenv("ORDERGATE_CONTACT_HASH_KEY", KEY)
    settings = Settings.load()
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    assert "canary-password" not in shown and KEY not in shown
    assert settings.database_address == "db.example:5433/orders"
    assert settings.schema_registry_address == "registry.example:8081"
    assert settings.hash_key() == KEY.encode()


def test_a_wait_shorter_than_the_abort_is_refused(monkeypatch):
    """Giving up before the broker can have aborted would halt partitions that are merely slow."""
    monkeypatch.setenv("ORDERGATE_TRANSACTION_TIMEOUT_MS", "30000")
    with pytest.raises(ConfigurationRefused, match="STABLE_OFFSET_DEADLINE_S must be at least 40"):
        Settings.load()
    assert Settings.load(stable_offset_deadline_s=40).transaction_timeout_ms == 30_000


def test_settings_are_constant():
    """No part of the program changes another's settings."""
    settings = Settings.load()
    with pytest.raises(ValueError, match="frozen"):
        settings.batch_size = 5


def test_an_error_tells_an_operator_what_to_do():
    """The four parts of an explanation stand below each other, long parts indented."""
    error = PartitionHalted(
        "raw.shopify.orders.v1",
        3,
        Cause.DATABASE_BEHIND,
        known="Kafka says 18,240\nthe database knows 18,102",
        safe="nothing was published twice",
    )
    assert isinstance(error, OrdergateError)
    assert str(error) == (
        "ordergate: partition raw.shopify.orders.v1/3 stopped: PostgreSQL is behind Kafka.\n"
        "  known    Kafka says 18,240\n"
        "           the database knows 18,102\n"
        "  safe     nothing was published twice\n"
        "  do       run `ordergate recover raw.shopify.orders.v1/3`: it shows what can be repaired and how, and "
        "changes nothing without --apply"
    )


@pytest.mark.parametrize(
    "url",
    [
        "nonsense-canary",
        "host=db.example password=canary",
        "mysql://ordergate:canary@db.example/orders",
        "postgres://ordergate:canary@db.example/orders",
        "postgresql://",
        "postgresql:///canary",
        "postgresql://ordergate:canary@/orders",
        "postgresql://ordergate:can/ary@db.example/orders",
        "postgresql://ordergate:55/canary@db.example/orders",
        "postgresql://ordergate:can@ary@db.example/orders",
        "postgresql://ordergate:can#ary@db.example/orders",
        "postgresql://ordergate:can?ary@db.example/orders",
        "postgresql://ordergate:can ary@db.example/orders",
        "postgresql://ordergate:can%zzary@db.example/orders",
        "postgresql://ordergate:canary@[::1/orders",
        "postgresql://ordergate:canary@db.example:canary/orders",
        "postgresql://ordergate:canary@db.example:99999/orders",
        "postgresql://ordergate:canary@one.example:5432,two.example:5432/orders",
    ],
)
def test_a_database_url_of_another_shape_is_refused_and_not_repeated(monkeypatch, url):
    """A password with a special character does not end up in a message as a host, a port or a path."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ConfigurationRefused) as refused:
        Settings.load()
    assert len(refused.value.problems) == 1
    assert refused.value.problems[0].startswith("DATABASE_URL: expected postgresql://USER:PASSWORD@HOST:PORT")
    assert "ary" not in str(refused.value) and "example" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://db.example/orders", "db.example:5432/orders"),
        ("postgresql://db.example", "db.example:5432"),
        ("postgresql://me@10.0.0.5:6000/orders?sslmode=require", "10.0.0.5:6000/orders"),
        ("postgresql://me:can%40ary%2F1@db.example:5433/orders", "db.example:5433/orders"),
        ("postgresql://me:ca:n+a!ry@[2001:db8::1]:5433/orders", "[2001:db8::1]:5433/orders"),
        ("postgresql:///orders?host=/run/postgresql", "/run/postgresql:5432/orders"),
    ],
)
def test_a_database_is_shown_by_its_address_alone(monkeypatch, url, address):
    """Every form that PostgreSQL's clients take is named in messages, without user and password."""
    monkeypatch.setenv("DATABASE_URL", url)
    assert Settings.load().database_address == address


@pytest.mark.parametrize(
    "url",
    [
        "canary",
        "registry.example:8081",
        "ftp://schemas.example/canary",
        "http://",
        "https://user:can@ary@registry.example",
        "http://user:can/ary@registry.example",
        "http://schemas.example:port-canary",
        "http://one.example:8081,http://two.example:8081",
    ],
)
def test_a_registry_url_of_another_shape_is_refused_and_not_repeated(monkeypatch, url):
    """The same for the schema registry."""
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", url)
    with pytest.raises(ConfigurationRefused, match="SCHEMA_REGISTRY_URL: expected http://HOST:PORT") as refused:
        Settings.load()
    assert "ary" not in str(refused.value) and "example" not in str(refused.value)


@pytest.mark.parametrize(
    "servers",
    ["localhost", "one:9092,", "one:9092,two", "user:canary@one:9092", "http://one:9092", "one:70000"],
)
def test_brokers_are_host_and_port(monkeypatch, servers):
    """A list with a gap is told at once, not as a broker that cannot be reached."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    with pytest.raises(ConfigurationRefused, match="KAFKA_BOOTSTRAP_SERVERS: expected host:port") as refused:
        Settings.load()
    assert "canary" not in str(refused.value)


def test_brokers_may_be_listed_with_blanks(monkeypatch):
    """What people write is understood, and is one text for the client."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "one.example:9092, [::1]:9093")
    assert Settings.load().kafka_bootstrap_servers == "one.example:9092,[::1]:9093"
