"""What one queue gives over one connection: a durable pull consumer of JetStream, whose messages are each acknowledged.

NATS JetStream wire API: requests under `$JS.API` in JSON, messages to an inbox, acknowledgements to their reply subject
(`$JS.ACK.<stream>.<consumer>.<deliveries>.<number>.<…>.<time>.<behind>`, with two tokens more where there are domains).
The client's own way of fetching is not taken: it has no bound in bytes, and loses what comes while it is cancelled.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final, final

from nats.aio.msg import Msg
from nats.errors import Error
from pydantic_core import from_json, to_json

from twofold.drivers.nats._connection import Connection, Listening
from twofold.drivers.nats._header import attributes_of
from twofold.messaging import Incoming, NotReceived, Queue, Waiting

_AGAIN: Final = 5.0
"""After how many seconds a message is given again that was not acknowledged: that is harmless, since it is known."""
_IN_FLIGHT: Final = 1000
"""How many messages may be given and not acknowledged."""
_MOST_BYTES: Final = 8 * 1024 * 1024
"""How many bytes a batch may have; a message that is larger comes alone."""
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9_:-]")
_MOMENT: Final = 0.1
"""After how many seconds the server ends a request that asks for what is there: it does so at once, unless as many are
out as may be.
"""
_DONE: Final = b"+ACK"
_NO_CONSUMER: Final = 10014
_PLAIN: Final = 9
"""How many tokens a reply subject has where there are no domains."""
_REFUSED: Final = "409"
_ENDS: Final = frozenset({"404", "408", "409", "503"})
_GONE: Final = ("consumer deleted", "consumer is push based", "no responders")


@final
class Intake:
    """A durable consumer, and what it has given. Made by `of`.

    Args:
        connection: The connection.
        queue: The queue.
        within: How long the server may take to answer, in seconds.
    """

    def __init__(self, connection: Connection, queue: Queue, within: float) -> None:
        self.connection = connection
        self._queue = queue
        self._within = within
        self._stream = ""
        self._again = _AGAIN
        self._listening: Listening | None = None
        self._numbers = count()
        self._pull = ""
        """The inbox that the request which is open is answered to; empty without one."""
        self._ended = ""
        """Why that request has ended; empty while it has not."""
        self._status = ""
        self._come: list[Incoming] = []
        self._out: dict[str, Incoming] = {}
        self._news = asyncio.Event()

    @classmethod
    async def of(cls, connection: Connection, queue: Queue, within: float) -> "Intake":
        """Find, make or widen the consumer.

        Raises:
            NotReceived: That cannot be done.
            Error: The connection is lost, or the server does not answer.
            OSError: So it is.
        """
        made = cls(connection, queue, within)
        made._stream = await made._find_stream()
        await made._be_known()
        made._listening = await connection.listen(made._hear, made._news.set)
        return made

    @property
    def name(self) -> str:
        """What the consumer is called: letters that have a meaning to the server are written as their codes."""
        return _UNSAFE.sub(lambda found: b"=%02X" % ord(found[0]), self._queue.name.encode()).decode()

    async def receive(self, most: int, within: float) -> list[Incoming]:
        """What has come, or comes.

        Raises:
            NotReceived: The server says that it gives nothing, or the connection is lost.
            Error: It does not answer, or the connection is lost.
            OSError: So it is.
        """
        if not self._come:
            await self._ask(most, within=_MOMENT, no_wait=True, max_bytes=_MOST_BYTES)
        if not self._come:  # nothing has come, or it is larger than a batch may be
            await self._ask(1, within=within)
            if not self._come and self._status == _REFUSED:
                raise self._not_received(self._ended)
        found, self._come = self._come[:most], self._come[most:]
        self._out |= {one.handle: one for one in found}
        return found

    async def settle(self, messages: Sequence[Incoming]) -> None:
        """Acknowledge messages; returns when the server has noted that.

        Raises:
            Error: The connection is lost, or the server does not answer.
            OSError: So it is.
        """
        if not messages:
            return
        for one in messages[:-1]:
            await self.connection.send(one.handle, _DONE)
        await self.connection.ask(messages[-1].handle, _DONE, self._within)  # answered once those before it are read
        for one in messages:
            self._out.pop(one.handle, None)

    async def give_back(self) -> None:
        """Have everything given again at once that is not acknowledged.

        Raises:
            Error: The connection is lost.
            OSError: So it is.
        """
        for handle in [*self._out, *(one.handle for one in self._come)]:
            await self.connection.send(handle, b"-NAK")
        self._out, self._come = {}, []
        await self.connection.lives()

    async def close(self) -> None:
        """Hear nothing any more; what was given stays with whoever has it."""
        if self._listening is not None:
            await self._listening.end()

    async def waiting(self) -> Waiting:
        """What is left.

        Raises:
            NotReceived: The server does not know the consumer any more.
            Error: It does not answer, or the connection is lost.
            OSError: So it is.
        """
        try:
            found = await self._call(f"CONSUMER.INFO.{self._stream}.{self.name}", {})
        except _Refused as error:
            raise self._not_received(str(error)) from error
        return Waiting(int(found["num_pending"]), int(found["num_ack_pending"]), self._again)

    async def _find_stream(self) -> str:
        """The stream that keeps the place."""
        subjects = [f"{self._queue.place}.{name}" for name in sorted(self._queue.types)]
        found: list[list[str]]
        try:
            found = [(await self._call("STREAM.NAMES", {"subject": one})).get("streams") or [] for one in subjects]
        except _Refused as error:
            raise self._not_received(str(error)) from error
        streams = {name for names in found for name in names}
        if len(streams) != 1 or not all(found):
            told = f"{', '.join(sorted(streams))} keep them" if streams else "no stream keeps them"
            raise self._not_received(f"one stream has to keep {', '.join(subjects)}, and {told}")
        return str(streams.pop())

    async def _be_known(self) -> None:
        """See that the consumer is there, and gives what is wanted; what it gives beside that it goes on giving."""
        wanted = {f"{self._queue.place}.{name}" for name in self._queue.types}
        try:
            config = (await self._call(f"CONSUMER.INFO.{self._stream}.{self.name}", {}))["config"]
        except _Refused as error:
            if error.number != _NO_CONSUMER:
                raise self._not_received(str(error)) from error
            await self._make(self._new(), wanted)
            return
        fits = config.get("ack_policy") == "explicit" and not config.get("deliver_subject")
        if not fits or config.get("max_deliver", -1) > 0:
            text = f"the consumer {self.name} has to be pulled, acknowledge explicitly, and give without a limit"
            raise self._not_received(text)
        self._again = config.get("ack_wait", _AGAIN * 1e9) / 1e9
        known = {*config.pop("filter_subjects", []), config.pop("filter_subject", "")} - {""}
        if known and not wanted <= known:
            await self._make(config, wanted | known)

    def _new(self) -> dict[str, Any]:
        return {
            "durable_name": self.name,
            "description": f"{self._queue.name} of twofold",
            "deliver_policy": "all" if self._queue.start == "beginning" else "new",
            "ack_policy": "explicit",
            "ack_wait": int(_AGAIN * 1e9),
            "max_deliver": -1,
            "max_ack_pending": _IN_FLIGHT,
        }

    async def _make(self, config: Mapping[str, Any], subjects: set[str]) -> None:
        asked = {"stream_name": self._stream, "config": {**config, "filter_subjects": sorted(subjects)}}
        try:
            await self._call(f"CONSUMER.CREATE.{self._stream}.{self.name}", asked)
        except _Refused as error:
            raise self._not_received(str(error)) from error

    async def _call(self, what: str, asked: Mapping[str, Any]) -> Any:
        """What JetStream answers."""
        told: Any = from_json(await self.connection.ask(f"$JS.API.{what}", to_json(asked), self._within))
        if error := told.get("error"):
            raise _Refused(error.get("err_code", -1), error.get("description", "refused"))
        return told

    async def _ask(self, most: int, *, within: float, **how: Any) -> None:
        """Ask for messages, and wait until they have come, or the server says that there are no more."""
        inbox = "" if self._listening is None else self._listening.inbox
        self._pull, self._ended, self._status = f"{inbox}.{next(self._numbers)}", "", ""
        asked = {"batch": most, "expires": int(within * 1e9), **how}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self.name}"
        await self.connection.send(subject, to_json(asked), reply=self._pull)
        try:
            async with asyncio.timeout(within + self._within):
                while len(self._come) < most and not self._ended:
                    if self.connection.closed:
                        raise self._not_received(self.connection.complaint or "the connection is lost")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise Error("nats: the server does not answer") from None
        if any(text in self._ended for text in _GONE):
            raise self._not_received(self._ended)

    async def _hear(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None or message.reply:
            self._come.append(_incoming(message, headers))
        elif message.subject == self._pull and status in _ENDS:
            told = headers.get("Description") or ("no responders" if status == "503" else status)
            self._ended, self._status = told.lower(), status
        self._news.set()

    def _not_received(self, cause: str) -> NotReceived:
        return NotReceived(place=self._queue.place, cause=cause)


class _Refused(Exception):
    """JetStream answers with an error.

    Args:
        number: Its number.
        text: What that means.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"{text} ({number})")
        self.number = number


def _incoming(message: Msg, headers: Mapping[str, str]) -> Incoming:
    tokens = message.reply.split(".")
    more = 0 if len(tokens) == _PLAIN else 2
    number, behind = int(tokens[5 + more]), int(tokens[8 + more])
    return Incoming(message.subject, attributes_of(headers), message.data, number, message.reply, behind)
