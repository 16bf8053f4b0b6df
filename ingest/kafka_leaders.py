"""Who leads each partition, and a connection on the wire to each leader that is asked. PLAINTEXT only.

Messages: Apache Kafka, clients/src/main/resources/common/message/MetadataRequest.json and MetadataResponse.json.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Self

from consumers.kafka_source import PartitionKey
from ingest.errors import BrokerAway
from ingest.kafka_wire import Api, Broker, Reader, WireError, Writer

_METADATA: Final = Api(3, 4, flexible=False)
_PAUSE_S: Final = 0.2
"""Between two looks for leaders: electing one takes a broker some tenths of a second, and tells nobody."""


class Leaders:
    """Finds leaders and asks them; closed at the end of `with`. Raises BrokerAway."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._open = ExitStack()
        self._addresses: dict[int, tuple[str, int]] = {}
        self._brokers: dict[int, Broker] = {}
        self._leaders: dict[PartitionKey, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def find(self, topics: Iterable[str], within_s: float) -> list[PartitionKey]:
        """Every partition of these topics, leaders looked up anew; each is given so many seconds to have one."""
        wanted = sorted(topics)
        until = time.monotonic() + within_s
        while True:
            addresses, leaders = self._metadata(wanted)
            if addresses.keys() >= set(leaders.values()) or time.monotonic() >= until:
                break
            time.sleep(_PAUSE_S)
        self._addresses |= addresses
        self._leaders |= leaders
        return sorted(leaders)

    @property
    def nodes(self) -> Sequence[int]:
        """The brokers of the cluster."""
        return sorted(self._addresses)

    def ask_leader(self, partition: PartitionKey, api: Api, body: Writer) -> Reader:
        """The answer of a partition's leader."""
        return self.ask(self._leaders.get(partition, -1), api, body)

    def ask(self, node: int, api: Api, body: Writer) -> Reader:
        """The answer of a broker."""
        if node not in self._addresses:
            raise BrokerAway(self._servers, "a partition has no leader now")
        if node not in self._brokers:
            self._brokers[node] = self._connected(*self._addresses[node])
        try:
            return self._brokers[node].ask(api, body)
        except (OSError, WireError) as error:
            del self._brokers[node]  # whoever asks it again connects again: it may be back
            raise BrokerAway(self._servers, f"on the wire: {error}") from error

    def refused(self, request: str, error: int) -> None:
        """Raises BrokerAway for any error code but 0."""
        if error:
            raise BrokerAway(self._servers, f"{request} was refused with Kafka's error code {error}")

    def _metadata(self, topics: Collection[str]) -> tuple[dict[int, tuple[str, int]], dict[PartitionKey, int]]:
        """Where each broker is, and the leader of each partition, -1 for none."""
        body = Writer(_METADATA).array(len(topics))
        for topic in topics:
            body.string(topic)
        answer = self._ask_any(_METADATA, body.int8(0))
        answer.int32()
        addresses = {}
        for _ in answer.array():
            node, host, port = answer.int32(), answer.string(), answer.int32()
            answer.string()
            addresses[node] = (host or "", port)
        answer.string()
        answer.int32()
        leaders: dict[PartitionKey, int] = {}
        for _ in answer.array():
            answer.int16()
            topic = answer.string() or ""
            answer.int8()
            for _ in answer.array():
                answer.int16()
                key, leader = (topic, answer.int32()), answer.int32()
                for _ in range(2):
                    for _ in answer.array():
                        answer.int32()
                leaders[key] = leader
        return addresses, leaders

    def _ask_any(self, api: Api, body: Writer) -> Reader:
        for node in self.nodes:
            with suppress(BrokerAway):
                return self.ask(node, api, body)
        for server in self._servers.split(","):
            host, _, port = server.strip().rpartition(":")
            try:
                with Broker(host.strip("[]"), int(port)) as broker:
                    return broker.ask(api, body)
            except (OSError, WireError):
                continue
        raise BrokerAway(self._servers, "no broker answers on the wire; it speaks PLAINTEXT only")

    def _connected(self, host: str, port: int) -> Broker:
        try:
            return self._open.enter_context(Broker(host, port))
        except OSError as error:
            raise BrokerAway(self._servers, f"{host}:{port} on the wire: {error}") from error
