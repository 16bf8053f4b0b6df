"""Where a leader epoch ends in a partition's log: how a log that lost its end, and grew again, is told from one that
did not.

Every batch of a log has the epoch of the leader that wrote it, and each new leader has a higher one. If the epoch of
the newest record that was read ends before the position behind that record, the log lost that record, and has others in
its place: KIP-320, "Allow fetchers to detect and handle log truncation". Asked on the wire: confluent-kafka's client
asks the same only in the course of fetching, tells it by the text of an error, and takes "not known" for a loss.

Message: Apache Kafka, clients/src/main/resources/common/message/OffsetForLeaderEpochRequest.json and …Response.json.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from consumers.kafka_source import PartitionKey
from ingest.errors import BrokerAway
from ingest.kafka_leaders import Leaders
from ingest.kafka_wire import Api, Writer

_OFFSET_FOR_LEADER_EPOCH: Final = Api(23, 2, flexible=False)
_ANY_LEADER: Final = -1
"""As the leader's current epoch: the question is for whoever leads now."""
_PATIENCE_S: Final = 2.0
"""For a leader that moves: electing one takes some tenths of a second, unless a broker was killed."""
_PAUSE_S: Final = 0.2


def epoch_ends(bootstrap_servers: str, epochs: Mapping[PartitionKey, int]) -> dict[PartitionKey, int]:
    """The offset behind the newest record of an epoch or an earlier one, by partition; nothing where that is not known.

    `epochs`: the leader epoch to ask for, by partition. Raises BrokerAway when a leader does not answer; one that is
    just moving is looked for again.
    """
    found: dict[PartitionKey, int] = {}
    left = dict(epochs)
    until = time.monotonic() + _PATIENCE_S
    with Leaders(bootstrap_servers) as leaders:
        while left:
            try:
                leaders.find({topic for topic, _ in left}, within_s=0)
                for key, epoch in list(left.items()):
                    end = _epoch_end(leaders, key, epoch)
                    if end >= 0:
                        found[key] = end
                    del left[key]
            except BrokerAway:
                if time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE_S)
    return found


def _epoch_end(leaders: Leaders, key: PartitionKey, epoch: int) -> int:
    topic, number = key
    body = Writer(_OFFSET_FOR_LEADER_EPOCH).array(1).string(topic)
    body.array(1).int32(number).int32(_ANY_LEADER).int32(epoch)
    answer = leaders.ask_leader(key, _OFFSET_FOR_LEADER_EPOCH, body)
    answer.int32()
    (_,), _topic, (_,) = answer.array(), answer.string(), answer.array()
    leaders.refused("OffsetForLeaderEpoch", answer.int16())
    answer.int32()
    answer.int32()
    return answer.int64()
