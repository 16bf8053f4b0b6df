"""Where a leader epoch ends in a partition's log: how a log that lost its end, and grew again, is told from one that
did not.

Every batch of a log has the epoch of the leader that wrote it, and each new leader has a higher one. If the epoch of
the newest record that was read ends before the position behind that record, the log lost that record, and has others in
its place: KIP-320, "Allow fetchers to detect and handle log truncation". Asked on the wire: confluent-kafka's client
asks the same only in the course of fetching, tells it by the text of an error, and takes "not known" for a loss.

Message: Apache Kafka, clients/src/main/resources/common/message/OffsetForLeaderEpochRequest.json and …Response.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consumers.kafka_source import PartitionKey
from ingest.kafka_leaders import Leaders
from ingest.kafka_wire import Api, Writer

_OFFSET_FOR_LEADER_EPOCH: Final = Api(23, 2, flexible=False)
_ANY_LEADER: Final = -1
"""As the leader's current epoch: the question is for whoever leads now."""


def epoch_ends(bootstrap_servers: str, epochs: Mapping[PartitionKey, int]) -> dict[PartitionKey, int]:
    """The offset behind the newest record of an epoch or an earlier one, by partition; nothing where that is not known.

    `epochs`: the leader epoch to ask for, by partition. Raises BrokerAway.
    """
    found: dict[PartitionKey, int] = {}
    if not epochs:
        return found
    with Leaders(bootstrap_servers) as leaders:
        leaders.find({topic for topic, _ in epochs}, within_s=0)
        for (topic, number), epoch in epochs.items():
            body = Writer(_OFFSET_FOR_LEADER_EPOCH).array(1).string(topic)
            body.array(1).int32(number).int32(_ANY_LEADER).int32(epoch)
            answer = leaders.ask_leader((topic, number), _OFFSET_FOR_LEADER_EPOCH, body)
            answer.int32()
            (_,), _topic, (_,) = answer.array(), answer.string(), answer.array()
            leaders.refused("OffsetForLeaderEpoch", answer.int16())
            answer.int32()
            answer.int32()
            end = answer.int64()
            if end >= 0:
                found[topic, number] = end
    return found
