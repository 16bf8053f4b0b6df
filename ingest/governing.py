"""Building the pure pipeline of a deployment: contracts compiled, contacts keyed, schemas at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version

from consumers.channel import Channel
from guests.contact import ContactNormaliser
from guests.policy import GuestPolicy
from ingest.decision import Decider
from ingest.governance import Governance
from ingest.pipeline import Pipeline
from ingest.recent_orders import RecentOrders
from ingest.state import Carrier
from ingest.understanding import Reader
from quality import contract_files
from quality.rules import compile_history, compile_rules
from schemas.codec import Codec

MAPPER_VERSION = version("ordergate")


def build_pipeline(
    channels: Iterable[Channel],
    codec: Codec,
    hash_key: bytes,
    hash_key_id: str,
    payload_limit: int,
    park_deadline: int,
    is_published: Callable[[Carrier], bool],
) -> Pipeline:
    """The pipeline of these channels. `park_deadline` in microseconds; `is_published` as in the hand-over."""
    channels = list(channels)
    loaded = {channel.name: contract_files.load(channel.contract) for channel in channels}
    governance = {
        channel.name: Governance(
            contract=loaded[channel.name],
            check=compile_rules(loaded[channel.name]),
            check_history=compile_history(loaded[channel.name]),
            lifecycle=loaded[channel.name].lifecycle,
            map_statuses=channel.map_statuses,
            ruleset_version=loaded[channel.name].ruleset_version,
            mapper_version=f"{channel.name}/{MAPPER_VERSION}",
        )
        for channel in channels
    }
    reader = Reader(
        {channel.topic: channel for channel in channels},
        loaded,
        ContactNormaliser(hash_key, hash_key_id),
        payload_limit,
    )
    orders = RecentOrders(codec)
    decider = Decider(governance, orders, GuestPolicy(), park_deadline, is_published)
    return Pipeline(reader, decider, codec, orders)
