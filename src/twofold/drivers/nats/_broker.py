"""Events on NATS JetStream: all messages of a call are on their way at once, and each is confirmed by itself.

There is one connection, made when it is needed, and never mended: whoever does not answer is left, so nothing that was
given to it is kept here, and the next call connects anew, to the next server.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar, final

from nats.errors import Error

from twofold.drivers.nats._call import Call
from twofold.drivers.nats._connection import Connection, addresses_of, require_known
from twofold.drivers.nats._header import headers_of, size_of
from twofold.drivers.nats._intake import Intake
from twofold.errors import WiringError
from twofold.messaging import (
    Incoming,
    MessageRefused,
    NotConfirmed,
    NotReceived,
    Outcome,
    Outgoing,
    Queue,
    Waiting,
)

T = TypeVar("T")

_TOO_LARGE: Final = 10054
"""What JetStream says of a message that is larger than its stream allows."""


@final
class NatsBroker:
    """A `ReceivingBroker` over JetStream. Who makes the streams that keep the subjects is the operator of the server.

    A queue is a durable pull consumer of the stream that keeps its place, called `app:place`. It is made when it is not
    there, and one that is there is used as it is.

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
        self._intakes: dict[str, Intake] = {}
        self._opening = asyncio.Lock()

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

    async def receive(self, queue: Queue, most: int, within: float) -> Sequence[Incoming]:
        """Give what JetStream has for a queue; see `ReceivingBroker`."""
        return await self._take_in(queue, lambda intake: intake.receive(most, within))

    async def settle(self, queue: Queue, messages: Sequence[Incoming]) -> None:
        """Acknowledge messages; see `ReceivingBroker`."""
        await self._take_in(queue, lambda intake: intake.settle(messages))

    async def give_back(self, queue: Queue) -> None:
        """Have JetStream give again what was not acknowledged; see `ReceivingBroker`."""
        intake = self._intakes.pop(queue.name, None)
        if intake is not None:
            with suppress(Error, OSError):  # JetStream gives it again by itself, a moment later
                await intake.close()
                await intake.give_back()

    async def waiting(self, queue: Queue) -> Waiting:
        """What JetStream has left for a queue; see `ReceivingBroker`."""
        return await self._take_in(queue, lambda intake: intake.waiting())

    async def close(self) -> None:
        """Close the connection; see `Broker`."""
        self._connecting, self._opening = asyncio.Lock(), asyncio.Lock()  # they belong to an event loop
        self._intakes.clear()
        if self._connection is not None:
            await self._leave(self._connection)

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                self._connection = await Connection.to(self._servers, self._within, self._options)
            return self._connection

    async def _take_in(self, queue: Queue, act: Callable[[Intake], Awaitable[T]]) -> T:
        try:
            return await act(await self._intake(queue))
        except NotReceived:
            await self._drop(queue)
            raise
        except Exception as error:
            await self._drop(queue)
            connection = self._connection
            if connection is not None and not await connection.lives():
                await self._leave(connection)
            raise NotReceived(place=queue.place, cause=_told(error)) from error

    async def _intake(self, queue: Queue) -> Intake:
        async with self._opening:
            connection = await self._connected()
            intake = self._intakes.get(queue.name)
            if intake is None:
                intake = self._intakes[queue.name] = await Intake.of(connection, queue, self._within)
            return intake

    async def _drop(self, queue: Queue) -> None:
        intake = self._intakes.pop(queue.name, None)
        if intake is not None:
            await intake.close()

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
