"""Streams of JetStream that keep what is published, and a look at them by a client that knows nothing of twofold."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, final
from urllib.parse import unquote

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StreamConfig

from twofold.messaging import Outgoing


@final
class Keeper:
    """A place, and the stream that keeps it.

    Args:
        client: A connection of its own.
        place: The place.
    """

    def __init__(self, client: Client, place: str) -> None:
        self.place = place
        self.client = client
        self._streams: Any = client.jetstream()

    async def keep(self, **settings: Any) -> None:
        """Have the stream keep the place; seconds of `duplicate_window` and all else as JetStream has it."""
        config = StreamConfig(name=self.place, subjects=[f"{self.place}.>"], **settings)
        await self._streams.add_stream(config)

    async def forget(self) -> None:
        """Have nothing keep it."""
        await self._streams.delete_stream(self.place)

    async def count(self) -> int:
        """How many messages are kept."""
        found: int = (await self._streams.stream_info(self.place)).state.messages
        return found

    async def raw(self) -> list[Msg]:
        """The messages as the client has them, in their order."""
        count = await self.count()
        if not count:
            return []
        subscription = await self._streams.subscribe(f"{self.place}.>", ordered_consumer=True)
        found = [await subscription.next_msg(timeout=30) for _ in range(count)]
        await subscription.unsubscribe()
        return found

    async def messages(self) -> list[Outgoing]:
        """The messages as they were given."""
        return [_given(one) for one in await self.raw()]


@asynccontextmanager
async def keeper(url: str, place: str = "") -> AsyncIterator[Keeper]:
    """A place on a server, which nothing keeps yet; one of its own unless given."""
    client = await nats.connect(url, connect_timeout=30)
    try:
        yield Keeper(client, place or f"place-{secrets.token_hex(8)}")
    finally:
        await client.close()


def attributes_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a CloudEvent in binary mode."""
    return {name.removeprefix("ce-"): unquote(value) for name, value in headers.items() if name.startswith("ce-")}


def _given(one: Msg) -> Outgoing:
    headers = one.headers or {}
    attributes = attributes_of(headers)
    return Outgoing(one.subject, headers["Nats-Msg-Id"], attributes["subject"], attributes, one.data)
