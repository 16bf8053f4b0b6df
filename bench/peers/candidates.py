"""Who takes part: each in the mode that its own documentation recommends for the strongest guarantee it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SESSION_TIMEOUT_MS = 6000
"""The same for all: how long a killed process keeps its partitions. Ordergate's own default."""


class Guarantee(StrEnum):
    """What a reader of the output may rely on after a crash, as the candidate's documentation has it."""

    EXACTLY_ONCE_WITH_HISTORY = "exactly once; each order's versions contiguous, with the database"
    EXACTLY_ONCE = "exactly once"
    AT_LEAST_ONCE = "at least once"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of doing the job."""

    name: str
    title: str
    guarantee: Guarantee
    module: str
    """Below `bench.peers`; empty: Ordergate's worker."""
    packages: str
    """Whose virtual environment: the suffix of a requirements file; empty: the project's own."""
    told_by: str
    """What says that this is how it is used."""
    options: Mapping[str, str] = field(default_factory=dict)
    latency_options: Mapping[str, str] = field(default_factory=dict)
    """What it changes for the least latency."""
    kill: bool = True
    """Whether it is also killed: variants that differ only in throughput are not."""


_SESSION = {"session_timeout_ms": str(SESSION_TIMEOUT_MS)}
_QUIX_PAGES = "quix-streams documentation, pages Configuration (Processing Guarantees), Checkpointing, Schema Registry"

ORDERGATE = Candidate(
    "ordergate", "Ordergate", Guarantee.EXACTLY_ONCE_WITH_HISTORY, "", "", "docs/operations.md",
    latency_options={"ORDERGATE_PROFILE": "latency"},
)  # fmt: skip
PEERS = (
    Candidate(
        "quix", "quix-streams, exactly-once", Guarantee.EXACTLY_ONCE, "quix_streams", "quixstreams",
        f"{_QUIX_PAGES}; commit_interval at its default of 5 s",
        {**_SESSION, "commit_interval": "5.0"}, kill=False,
    ),
    Candidate(
        "quix-fast", "quix-streams, exactly-once, commit_interval 0.1 s", Guarantee.EXACTLY_ONCE, "quix_streams",
        "quixstreams", f"{_QUIX_PAGES}: a smaller commit_interval for exactly-once with less latency",
        {**_SESSION, "commit_interval": "0.1"},
    ),
    Candidate(
        "faststream", "FastStream, NACK_ON_ERROR, batches", Guarantee.AT_LEAST_ONCE, "fast_stream", "faststream",
        "FastStream documentation (confluent), page Consuming Acknowledgements",
        {**_SESSION, "polling_interval": "0.1"}, {"polling_interval": "0.005"},
    ),
    Candidate(
        "transactional", "confluent-kafka by hand, transactions", Guarantee.EXACTLY_ONCE, "confluent_loop", "",
        "confluent-kafka-python, examples/eos-transactions.py; AvroSerializer's own documentation",
        {**_SESSION, "guarantee": "exactly-once"},
    ),
    Candidate(
        "flushing", "confluent-kafka by hand, flush and commit", Guarantee.AT_LEAST_ONCE, "confluent_loop", "",
        "confluent-kafka-python, page Kafka Consumer (commit after processing)",
        {**_SESSION, "guarantee": "at-least-once"},
    ),
)  # fmt: skip
ALL = (ORDERGATE, *PEERS)
