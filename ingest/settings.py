"""Every setting: its name, unit, bounds, default and the reason for the default.

Settings are environment variables: `ORDERGATE_` and the field's name in capitals. The three addresses keep
the names that other software uses for them: `KAFKA_BOOTSTRAP_SERVERS`, `DATABASE_URL`, `SCHEMA_REGISTRY_URL`.
"""

from __future__ import annotations

import difflib
import os
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ingest import addresses
from ingest.errors import ConfigurationRefused

PREFIX = "ORDERGATE_"
MINIMUM_KEY_BYTES = 32
"""RFC 2104 §3: an HMAC key shorter than the hash's output (32 bytes for SHA-256) weakens it."""

_ABORT_CLEAN_UP_MS = 10_000
"""How often a broker looks for timed-out transactions
(Kafka: transaction.abort.timed.out.transaction.cleanup.interval.ms)."""


class LogFormat(StrEnum):
    """How log lines are written. AUTO: for people on a terminal, as JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least severe log line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LATENCY_PROFILE: dict[str, int] = {"gather_ms": 0, "retry_backoff_ms": 25}
"""What `profile=latency` changes; the fields' own defaults are those of `throughput`."""


def _because(unit: str, reason: str) -> dict[str, Any]:
    return {"unit": unit, "reason": reason}


class Settings(BaseSettings):
    """All settings of one process, checked once, then constant."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        # An error message never repeats a value: it may be a password or a key.
        hide_input_in_errors=True,
    )

    kafka_bootstrap_servers: str = Field(
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        min_length=1,
        description="Kafka brokers to ask first.",
        json_schema_extra=_because("host:port, comma-separated", "no default: a wrong cluster is worse than none"),
    )
    database_url: SecretStr = Field(
        validation_alias="DATABASE_URL",
        min_length=1,
        description="PostgreSQL, the only shared state.",
        json_schema_extra=_because("postgresql:// URL", "no default: a wrong database is worse than none"),
    )
    schema_registry_url: SecretStr = Field(
        validation_alias="SCHEMA_REGISTRY_URL",
        min_length=1,
        description="Confluent-compatible schema registry.",
        json_schema_extra=_because("http(s):// URL", "no default: schema ids are the registry's own"),
    )

    group_id: str = Field(
        default="ordergate",
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="Consumer group, and prefix of transactional ids: one per deployment on a cluster.",
        json_schema_extra=_because("Kafka name", "one deployment per cluster is the common case"),
    )
    group_protocol: Literal["consumer", "classic"] = Field(
        default="consumer",
        description="Rebalance protocol: `consumer` (KIP-848, Kafka 4) or `classic` (cooperative-sticky).",
        json_schema_extra=_because("name", "KIP-848 does not fence batches of partitions a worker keeps"),
    )
    slot: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="This worker's stable name in its transactional ids. Unset: a free one is leased.",
        json_schema_extra=_because("name", "leasing needs no coordination by hand; a StatefulSet may set its pod name"),
    )
    channels: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Channels whose raw topics are read. Empty: all that are known.",
        json_schema_extra=_because("names, comma-separated", "one group reads everything unless told otherwise"),
    )

    profile: Literal["throughput", "latency"] = Field(
        default="throughput",
        description="What to spare: CPU time per event (`throughput`) or waiting (`latency`). It changes the defaults "
        f"of {', '.join(f'`{PREFIX}{name.upper()}`' for name in LATENCY_PROFILE)}; what is set by itself stays.",
        json_schema_extra=_because(
            "name", "most orders are read by machines: fewer transactions, some three times the wait"
        ),
    )
    batch_size: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Most raw events in one batch: one database and one Kafka transaction.",
        json_schema_extra=_because("raw events", "two commits cost 10 ms: 10 µs an event; more only adds latency"),
    )
    batch_bytes: int = Field(
        default=16 * 1024 * 1024,
        ge=64 * 1024,
        le=256 * 1024 * 1024,
        description="Raw bytes at which a batch is closed before it has `batch_size` events.",
        json_schema_extra=_because("bytes", "three times a usual full batch; keeps a journal row under 64 MiB"),
    )
    payload_limit_bytes: int = Field(
        default=1024 * 1024,
        ge=1024,
        le=32 * 1024 * 1024,
        description="A larger raw event is quarantined unread.",
        json_schema_extra=_because("bytes", "Kafka's own default limit of a record; orders are 2 to 50 KiB"),
    )
    poll_timeout_ms: int = Field(
        default=250,
        ge=1,
        le=5_000,
        description="Longest wait for the first event of a batch.",
        json_schema_extra=_because("ms", "an event ends the wait at once, so this only paces an idle loop"),
    )
    gather_ms: int = Field(
        default=20,
        ge=0,
        le=1_000,
        description="The least time between the end of a batch and the reading of the next: events that come meanwhile "
        "share it. A lone event and a full batch are never delayed.",
        json_schema_extra=_because("ms", "at gentle load events share a transaction; none in `latency`"),
    )

    transaction_timeout_ms: int = Field(
        default=10_000,
        ge=1_000,
        le=900_000,
        description="A Kafka transaction left open by a dead worker is aborted by the broker after this.",
        json_schema_extra=_because("ms", "readers wait behind a dead worker's transaction: 10 s, not Kafka's 60 s"),
    )
    retry_backoff_ms: int = Field(
        default=50,
        ge=1,
        le=1_000,
        description="Pause of the Kafka client between retries; a commit slower than 0.8 of it is examined.",
        json_schema_extra=_because(
            "ms",
            "shorter examines more commits, longer stalls commits in a row; 25 in `latency`",
        ),
    )
    statistics_interval_ms: int = Field(
        default=100,
        ge=10,
        le=1_000,
        description="How often the Kafka client reports the counters by which a slow commit is examined.",
        json_schema_extra=_because(
            "ms", "an examination waits for the next report at most; shorter keeps an idle worker busy"
        ),
    )
    session_timeout_ms: int = Field(
        default=6_000,
        ge=1_000,
        le=300_000,
        description="A silent worker loses its partitions after this (`classic`; else a broker setting).",
        json_schema_extra=_because("ms", "the least that brokers allow by default: a dead worker is replaced soonest"),
    )
    kafka_call_deadline_s: int = Field(
        default=45,
        ge=5,
        le=600,
        description="A Kafka call that takes longer ends the process; the next one recovers. A transaction's call may "
        "take 5 s more than `ORDERGATE_TRANSACTION_TIMEOUT_MS`, where that is less.",
        json_schema_extra=_because("s", "above every call's own time-out (30 s): only a call that hangs is ended"),
    )
    stable_offset_deadline_s: int = Field(
        default=30,
        ge=1,
        le=900,
        description="Longest wait for a partition's committed offset to become stable; then it halts.",
        json_schema_extra=_because("s", "transaction time-out 10 s + the broker's clean-up interval 10 s + 10 s"),
    )

    park_deadline: timedelta = Field(
        default=timedelta(minutes=15),
        gt=timedelta(0),
        le=timedelta(days=7),
        description="Longest wait of an early event for what must come first; then it is quarantined.",
        json_schema_extra=_because(
            "ISO 8601 duration", "webhooks overtake each other by seconds; retries take minutes"
        ),
    )
    journal_retention_hours: int = Field(
        default=48,
        ge=1,
        le=8_760,
        description="Published journal rows are kept this long, for audits and repair.",
        json_schema_extra=_because("h", "a fault of a Friday night is repaired on Sunday"),
    )
    outcome_retention_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="Outcomes of raw events are kept this long.",
        json_schema_extra=_because("days", "one monthly review"),
    )
    finding_retention_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="Findings are kept this long.",
        json_schema_extra=_because("days", "one monthly review by the data owner"),
    )
    event_id_retention_days: int = Field(
        default=7,
        ge=1,
        le=3_650,
        description="Event identities are kept this long, to recognise what a channel sends again.",
        json_schema_extra=_because("days", "channels retry for two to three days; content tells later repetitions"),
    )

    contact_hash_key: SecretStr | None = Field(
        default=None,
        description="Secret key of contact hashes. Whoever has it can test guesses of e-mail addresses.",
        json_schema_extra=_because("text, 32 bytes or more", "no default: a published key is no key"),
    )
    contact_hash_key_id: str = Field(
        default="k1",
        pattern=r"^[a-z0-9][a-z0-9-]{0,15}$",
        description="Names the key within each hash (`k1:…`). Change it together with the key.",
        json_schema_extra=_because("name", "the first key"),
    )

    http_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address on which /live, /ready and /metrics are served. They have no log-in.",
        json_schema_extra=_because("host", "open to this machine only; a container sets 0.0.0.0"),
    )
    http_port: int = Field(
        default=9464,
        ge=0,
        le=65_535,
        description="Port of /live, /ready and /metrics. 0: any free one, named in the log.",
        json_schema_extra=_because("TCP port", "what OpenTelemetry's Prometheus exporters use"),
    )
    log_format: LogFormat = Field(
        default=LogFormat.AUTO,
        description="`json`, `console`, or `auto`: console on a terminal, JSON elsewhere.",
        json_schema_extra=_because("name", "people and collectors each get what they read"),
    )
    log_level: LogLevel = Field(
        default=LogLevel.INFO,
        description="The least severe log line that is written.",
        json_schema_extra=_because("name", "one line per batch"),
    )

    @field_validator("channels", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name for part in value.split(",") if (name := part.strip()))
        return value

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _brokers(cls, value: str) -> str:
        return addresses.broker_list(value)

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr) -> SecretStr:
        addresses.check_database_url(value.get_secret_value())
        return value

    @field_validator("schema_registry_url")
    @classmethod
    def _registry(cls, value: SecretStr) -> SecretStr:
        addresses.check_web_url(value.get_secret_value())
        return value

    @field_validator("contact_hash_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MINIMUM_KEY_BYTES:
            raise ValueError(f"must have at least {MINIMUM_KEY_BYTES} bytes")
        return value

    @model_validator(mode="after")
    def _wait_outlasts_abort(self) -> Self:
        needed = self.transaction_timeout_ms + _ABORT_CLEAN_UP_MS
        if self.stable_offset_deadline_s * 1000 < needed:
            raise ValueError(
                f"{PREFIX}STABLE_OFFSET_DEADLINE_S must be at least {-(-needed // 1000)}: a dead worker's "
                f"transaction stays open for {PREFIX}TRANSACTION_TIMEOUT_MS "
                f"and up to {_ABORT_CLEAN_UP_MS // 1000} s more"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _with_profile(cls, given: dict[str, Any]) -> dict[str, Any]:
        return LATENCY_PROFILE | given if given.get("profile") == "latency" else given

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Reads the environment; `given` fields win. Raises ConfigurationRefused with all problems."""
        problems = _misspelt(os.environ)
        try:
            settings = cls(**given)
        except ValidationError as error:
            problems += [_problem(detail) for detail in error.errors(include_url=False)]
        if problems:
            raise ConfigurationRefused(problems) from None
        return settings

    def hash_key(self) -> bytes:
        """The key of contact hashes. Raises ConfigurationRefused when unset: there is no safe default."""
        if self.contact_hash_key is None:
            raise ConfigurationRefused(
                [
                    f"{variable('contact_hash_key')}: not set; expected a secret text of "
                    f"{MINIMUM_KEY_BYTES} bytes or more, the same for all workers and kept for good: "
                    "guests are recognised by these hashes"
                ]
            )
        return self.contact_hash_key.get_secret_value().encode()

    @property
    def database_address(self) -> str:
        """`host:port/database`, without credentials: fit for messages."""
        return addresses.database_address(self.database_url.get_secret_value())

    @property
    def schema_registry_address(self) -> str:
        """`host:port/path`, without credentials: fit for messages."""
        return addresses.web_address(self.schema_registry_url.get_secret_value())


def variable(field: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else PREFIX + field.upper()


def _problem(detail: ErrorDetails) -> str:
    if not detail["loc"]:
        return detail["msg"].removeprefix("Value error, ")
    place = str(detail["loc"][0])
    field = place.lower() if place.lower() in Settings.model_fields else place
    if field not in Settings.model_fields:
        return f"{field}: no such setting"
    if detail["type"] == "missing":
        unit = Settings.model_fields[field].json_schema_extra
        expected = unit["unit"] if isinstance(unit, dict) else ""
        return f"{variable(field)}: not set; expected {expected}"
    return f"{variable(field)}: {detail['msg'].removeprefix('Value error, ')}"


def _misspelt(environ: os._Environ[str]) -> list[str]:
    """Variables that look like a setting and are none: a limit that silently does not apply helps nobody."""
    known = {variable(field) for field in Settings.model_fields}
    strangers = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    meant = ((name, difflib.get_close_matches(name, known, n=1, cutoff=0.85)) for name in strangers)
    return [f"{name}: no such setting; did you mean {close[0]}?" for name, close in meant if close]
