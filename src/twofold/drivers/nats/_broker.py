"""Events on NATS JetStream: all messages of a call are on their way at once, and each is confirmed by itself.

There is one connection, made when it is needed, and never mended: whoever does not answer is left, so nothing that was
given to it is kept here, and the next call connects anew, to the next server.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, final

from nats.errors import Error

from twofold.drivers.nats._call import Call
from twofold.drivers.nats._connection import Connection, addresses_of, require_known
from twofold.drivers.nats._header import headers_of, size_of
from twofold.errors import WiringError
from twofold.messaging import MessageRefused, NotConfirmed, Outcome, Outgoing

_TOO_LARGE: Final = 10054
"""What JetStream says of a message that is larger than its stream allows."""


@final
class NatsBroker:
    """A `Broker` over JetStream. Who makes the streams that keep the subjects is the operator of the server.

    Args:
        servers: `nats://user:password@host:4222` or `tls://host:4222`; several with commas between them.
        within: After how many seconds without a confirmation a message counts as not confirmed.
        options: What else `nats.connect` takes: `tls`, `user_credentials`, `nkeys_seed`, `name`.

    Raises:
        WiringError: There is no such address or option, or no time.

    Example:
        >>> app = App("shop", modules=[orders], broker=NatsBroker("tls://nats:4222", user_credentials="shop.creds"))
    """

    def __init__(self, servers: str, *, within: float = 5.0, **options: Any) -> None:
        if not within > 0:
            raise WiringError(f"within={within!r} is no number of seconds")
        require_known(options)
        self._servers = addresses_of(servers)
        self._within = within
        self._options = options
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Give messages to JetStream, and wait for its confirmations; see `Broker`."""
        try:
            connection = await self._connected()
        except Exception as error:  # noqa: BLE001  # whatever keeps it from connecting, no message is to blame
            return [NotConfirmed(subject=one.subject, cause=_told(error)) for one in messages]
        call, now = Call(), asyncio.get_running_loop().time
        end = now() + self._within
        try:
            given = [await self._give(connection, call, one, end) for one in messages]
            await call.ended(max(0.0, end - now()))
        finally:
            connection.forget(call)
        outcomes = [_outcome(one, told, call, connection) for one, told in zip(messages, given, strict=True)]
        if any(isinstance(one, NotConfirmed) for one in outcomes) and not await connection.lives():
            await self._leave(connection)
        return outcomes

    async def close(self) -> None:
        """Close the connection; see `Broker`."""
        self._connecting = asyncio.Lock()  # it belongs to the event loop that it was waited for in
        if self._connection is not None:
            await self._leave(self._connection)

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                self._connection = await Connection.to(self._servers, self._within, self._options)
            return self._connection

    async def _leave(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
        await connection.close()

    async def _give(self, connection: Connection, call: Call, one: Outgoing, end: float) -> str | Outcome:
        """Send a message; its number in the call, or what has become of it already."""
        headers = headers_of(one)
        size = size_of(headers) + len(one.data)
        if size > connection.largest:
            # The server would close the connection, with everything that is on its way.
            cause = f"{size} bytes with its headers, and the server allows {connection.largest}"
            return MessageRefused(subject=one.subject, cause=cause)
        if asyncio.get_running_loop().time() >= end:
            return NotConfirmed(subject=one.subject, cause="there was no time left to send it")
        try:
            return await connection.publish(call, one.subject, one.data, headers)
        except (Error, OSError) as error:
            return NotConfirmed(subject=one.subject, cause=_told(error))


def _outcome(one: Outgoing, told: str | Outcome, call: Call, connection: Connection) -> Outcome:
    if not isinstance(told, str):
        return told
    answer = call.answers.get(told)
    if answer is None:
        return NotConfirmed(subject=one.subject, cause=connection.complaint or "no confirmation came in time")
    code, text = answer
    if code == 0:
        return None
    cause = f"{text} ({code})"
    if code == _TOO_LARGE:
        return MessageRefused(subject=one.subject, cause=cause)
    return NotConfirmed(subject=one.subject, cause=cause)


def _told(error: Exception) -> str:
    return str(error) or type(error).__qualname__
