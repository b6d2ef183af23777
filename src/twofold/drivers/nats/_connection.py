"""A connection to NATS, used until it fails and never mended by itself; none of its texts has a password."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Self, final
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import Error, NoServersError
from nats.js.api import PubAck
from nats.js.client import JetStreamContext

from twofold.errors import WiringError

_SCHEMES: Final = ("nats", "tls")
_PATIENCE: Final = 1
"""How long a server may take to answer a ping, and a socket to close, in seconds."""


@final
class Connection:
    """A connection. Made by `to`."""

    def __init__(self) -> None:
        self.complaint = ""
        """What the server or the connection has complained of last."""
        self._client = Client()
        self._stream: Any = JetStreamContext(self._client)  # it leaves the types of headers open
        self._waiting = set[asyncio.Future[PubAck]]()

    @classmethod
    async def to(cls, servers: Sequence[str], within: float, options: Mapping[str, Any]) -> Self:
        """Connect to one of several servers.

        Args:
            servers: Their addresses.
            within: How long that may take, in seconds.
            options: What else the client takes.

        Raises:
            OSError: None can be reached in time.
            Error: One refuses.
        """
        made = cls()
        settings: dict[str, Any] = {
            "connect_timeout": within,
            "flush_timeout": within,
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            **options,
            "error_cb": made._complained,
            "closed_cb": made._lost,
        }
        try:
            async with asyncio.timeout(within):
                await made._client.connect([*servers], **settings)
        except BaseException as error:
            await made.close()
            if isinstance(error, TimeoutError | NoServersError):
                places = ", ".join(map(place_of, servers))
                raise ConnectionError(f"none of {places} answers: {made.complaint or 'in time'}") from None
            raise
        return made

    @property
    def closed(self) -> bool:
        """Whether it is of no use any more."""
        return not self._client.is_connected

    @property
    def largest(self) -> int:
        """How many bytes the server takes in one message."""
        return self._client.max_payload

    async def publish(self, subject: str, data: bytes, headers: dict[str, str]) -> "asyncio.Future[PubAck]":
        """Send a message; what will have its confirmation."""
        answer: asyncio.Future[PubAck] = await self._stream.publish_async(subject, data, headers=headers)
        self._waiting.add(answer)
        answer.add_done_callback(self._waiting.discard)
        return answer

    async def answered(self, answers: Collection["asyncio.Future[PubAck]"], end: float) -> None:
        """Wait until each has come, or the connection is lost, or it is time; what has not come then is cancelled."""
        left = max(0.0, end - asyncio.get_running_loop().time())
        _, late = await asyncio.wait(answers, timeout=left)
        for one in late:
            one.cancel()

    async def lives(self) -> bool:
        """Whether the server answers."""
        with suppress(Error, OSError):
            await self._client.flush(timeout=_PATIENCE)
            return not self.closed
        return False

    async def close(self) -> None:
        """Close it, within a second; nothing of it is waited for behind that."""
        with suppress(Error, OSError):
            async with asyncio.timeout(_PATIENCE):
                await self._client.close()
        await self._lost()

    async def _complained(self, error: Exception) -> None:
        self.complaint = str(error) or type(error).__qualname__

    async def _lost(self) -> None:
        for one in [*self._waiting]:
            if not one.done():
                one.set_exception(ConnectionError(self.complaint or "the connection was lost"))


def addresses_of(servers: str) -> list[str]:
    """The addresses in a text.

    Raises:
        WiringError: One of them is none.
    """
    found = [one.strip() for one in servers.split(",")]
    for one in found:
        parts = urlsplit(one)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise WiringError(
                "an address of NATS is nats://host:4222 or tls://host:4222, several with commas between them"
            )
    return found


def place_of(server: str) -> str:
    """An address without who logs in there."""
    parts = urlsplit(server)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
