"""All channels. Adding one is adding it here."""

from __future__ import annotations

from collections.abc import Iterable

from consumers import shopify, web
from consumers.channel import Channel

CHANNELS: dict[str, Channel] = {channel.name: channel for channel in (web.CHANNEL, shopify.CHANNEL)}


class UnknownChannelError(ValueError):
    """No channel has this name."""


def chosen(names: Iterable[str]) -> list[Channel]:
    """The channels of these names, all when there are none. Raises UnknownChannelError."""
    wanted = list(names) or list(CHANNELS)
    unknown = [name for name in wanted if name not in CHANNELS]
    if unknown:
        raise UnknownChannelError(f"unknown channel {', '.join(unknown)}; known: {', '.join(CHANNELS)}")
    return [CHANNELS[name] for name in wanted]
