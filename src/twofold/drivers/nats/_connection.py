"""A connection to NATS, used until it fails and never mended by itself; none of its texts has a password.

Confirmations come to an inbox of its own. The client's own way of publishing many at once is not taken: what JetStream
refuses it leaves unanswered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from inspect import signature
from itertools import count
from typing import Any, Final, Self, final
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoServersError

from twofold.drivers.nats._call import Call, answer_in
from twofold.errors import WiringError

_SCHEMES: Final = ("nats", "tls")
_OWN: Final = frozenset(
    {
        "servers",
        "allow_reconnect",
        "closed_cb",
        "connect_timeout",
        "error_cb",
        "flush_timeout",
        "max_reconnect_attempts",
        "reconnect_time_wait",
    }
)
"""What is said of a connection here, and by nobody else."""
_PATIENCE: Final = 1
"""How long a server may take to answer a ping, and a socket to close, in seconds."""


class _Client(Client):
    """A client that logs in nowhere without TLS where that was asked for."""

    def _connect_command(self) -> bytes:
        server = self._current_server
        asked = "tls" in self.options or (server is not None and server.uri.scheme == "tls")
        if asked and not self._server_info.get("tls_required"):
            raise Error("nats: the server offers no TLS, which its address asks for")
        return super()._connect_command()

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        # The client's own looks at every letter of every name, which is a third of what receiving costs.
        found: dict[str, str] = {}
        for line in raw.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if name and colon:
                found[name.decode(errors="replace")] = value.decode(errors="replace").strip()
        return found

    async def _process_headers(self, headers: Any) -> Any:
        known: Any = super()  # whose types are left open here
        try:
            return await known._process_headers(headers)
        except (ValueError, IndexError):
            return None  # a stranger's headers must not end the loop that reads: the message has none


@final
class Connection:
    """A connection. Made by `to`."""

    def __init__(self) -> None:
        self.complaint = ""
        """What the server or the connection has complained of last."""
        self._client = _Client()
        self._inbox = ""
        self._numbers = count()
        self._waiting: dict[str, Call] = {}
        self._closing: list[Callable[[], None]] = []

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
            **options,
            "connect_timeout": within,
            "flush_timeout": within,
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            "error_cb": made._complained,
            "closed_cb": made._lost,
        }
        try:
            async with asyncio.timeout(within):
                await made._client.connect([*servers], **settings)
                made._inbox = made._client.new_inbox()
                client: Any = made._client  # whose types are left open here
                await client.subscribe(f"{made._inbox}.*", cb=made._hear)
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

    async def publish(self, call: Call, subject: str, data: bytes, headers: dict[str, str]) -> str:
        """Send a message; its number in the answers of the call.

        Raises:
            Error: The connection is lost.
            OSError: So it is.
        """
        number = str(next(self._numbers))
        self._waiting[number] = call
        call.begin()
        try:
            await self._client.publish(subject, data, reply=f"{self._inbox}.{number}", headers=headers)
        except (Error, OSError):
            call.withdraw()
            raise
        return number

    async def ask(self, subject: str, data: bytes, within: float) -> bytes:
        """What somebody answers to a request.

        Args:
            subject: What is asked.
            data: The request.
            within: How long to wait, in seconds.

        Raises:
            Error: Nobody does, in time; or the connection is lost.
            OSError: So it is.
        """
        answer: Msg = await self._client.request(subject, data, timeout=within)
        return answer.data

    async def send(self, subject: str, data: bytes, reply: str = "") -> None:
        """Send something that nobody confirms.

        Raises:
            Error: The connection is lost.
            OSError: So it is.
        """
        await self._client.publish(subject, data, reply=reply)

    async def listen(self, hear: Callable[[Msg], Awaitable[None]], lost: Callable[[], None]) -> "Listening":
        """An inbox; what comes below it is given to a function, until the connection is closed.

        Args:
            hear: Told of each message.
            lost: Told when the connection is closed.

        Raises:
            Error: The connection is lost.
            OSError: So it is.
        """
        inbox: str = self._client.new_inbox()
        client: Any = self._client  # whose types are left open here
        subscription: Any = await client.subscribe(f"{inbox}.*", cb=hear)
        self._closing.append(lost)
        return Listening(inbox, subscription)

    def forget(self, call: Call) -> None:
        """Wait for no answer to a call any more."""
        for number in [number for number, one in self._waiting.items() if one is call]:
            del self._waiting[number]

    async def lives(self) -> bool:
        """Whether the server answers."""
        with suppress(Error, OSError):
            await self._client.flush(timeout=_PATIENCE)
            return not self.closed
        return False

    async def close(self) -> None:
        """Close it; nothing of it is waited for behind a second."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._client.close()
        except TimeoutError:
            # The client waits for a server that does not read, and has no other way to let go of the socket.
            transport: Any = self._client._transport
            transport._io_writer.transport.abort()
        except (Error, OSError):
            pass  # it was lost before
        await self._lost()

    async def _hear(self, message: Msg) -> None:
        number = message.subject.rpartition(".")[2]
        call = self._waiting.pop(number, None)
        if call is not None:
            call.answer(number, answer_in(message))

    async def _complained(self, error: Exception) -> None:
        self.complaint = str(error) or type(error).__qualname__

    async def _lost(self) -> None:
        for call in self._waiting.values():
            call.stop()
        for lost in self._closing:
            lost()


@final
class Listening:
    """An inbox that is heard.

    Args:
        inbox: What its subjects begin with.
        subscription: The client's own.
    """

    def __init__(self, inbox: str, subscription: Any) -> None:
        self.inbox = inbox
        self._subscription = subscription

    async def end(self) -> None:
        """Hear it no longer; harmless when the connection is lost."""
        with suppress(Error, OSError):
            await self._subscription.unsubscribe()


def require_known(options: Mapping[str, Any]) -> None:
    """See that the client takes some options.

    Raises:
        WiringError: It does not know one, or that is said here.
    """
    for name in options:
        if name in _OWN or name not in signature(Client.connect).parameters:
            raise WiringError(
                f"NatsBroker takes no {name}=: it takes those of nats.connect that are not about reconnecting"
            )


def addresses_of(servers: str) -> list[str]:
    """The addresses in a text.

    Raises:
        WiringError: One of them is none.
    """
    found = [one.strip() for one in servers.split(",")]
    for one in found:
        parts = urlsplit(one)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            text = "an address of NATS is nats://host:4222 or tls://host:4222, several with commas between them"
            raise WiringError(text)
    return found


def place_of(server: str) -> str:
    """An address without who logs in there."""
    parts = urlsplit(server)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
