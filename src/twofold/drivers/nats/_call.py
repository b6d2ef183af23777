"""What is on its way to JetStream, and what it answers: JSON, or that nobody listens."""

import asyncio
from typing import Any, NamedTuple, final

from nats.aio.msg import Msg
from pydantic_core import from_json


class Answer(NamedTuple):
    """What JetStream says of a message.

    Args:
        code: 0 when it keeps the message; else the number of its error, and -1 for what is no answer of JetStream.
        text: What that means.
    """

    code: int = 0
    text: str = ""


@final
class Call:
    """Messages that are on their way together, and what has come of them; one future for all of them is quicker."""

    __slots__ = ("_end", "_left", "answers")

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        """By the number of the message."""
        self._left = 0
        self._end: asyncio.Future[None] | None = None

    def begin(self) -> None:
        """Have one more on its way."""
        self._left += 1

    def withdraw(self) -> None:
        """Have one on its way no longer."""
        self._left -= 1
        if self._left <= 0:
            self.stop()

    def answer(self, number: str, answer: Answer) -> None:
        """Note an answer."""
        self.answers[number] = answer
        self.withdraw()

    def stop(self) -> None:
        """Have nothing on its way any more, and let whoever waits go on."""
        self._left = 0
        if self._end is not None and not self._end.done():
            self._end.set_result(None)

    async def ended(self, seconds: float) -> None:
        """Return once all are answered, or it was stopped, or the time is over."""
        if self._left:
            self._end = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._end], timeout=seconds)


def answer_in(message: Msg) -> Answer:
    """What a message to the inbox of a connection says."""
    if (message.headers or {}).get("Status") == "503":
        return Answer(503, "no stream keeps this subject")
    try:
        told: Any = from_json(message.data)
        if told.get("stream") and told.get("seq"):
            return Answer()
        return Answer(told["error"]["err_code"], told["error"]["description"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return Answer(-1, "somebody else than JetStream has answered")
