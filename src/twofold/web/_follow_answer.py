"""A query whose answer is told again whenever it is another one."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, final

from twofold.app import App
from twofold.dispatch import Handler
from twofold.store import Selection
from twofold.web._answer import Answer
from twofold.web._stream import Stream, frame
from twofold.web._watch import Watch


@final
class FollowedAnswer:
    """What one client was told last of the answer of a query.

    The first answer is what there is; the next one has to show all that the log has by then, and so has each that comes
    after an event.

    Args:
        app: The application.
        handler: The handler of the query.
        answer: How it is written.
        watch: The log.
        seen: The position up to which the client has seen the log before; 0 for none.
    """

    def __init__(self, app: App, handler: Handler, answer: Answer, watch: Watch, seen: int) -> None:
        self._answer = answer
        self._watch = watch
        self._where = _events_of(app, handler)
        self._asked = seen
        self._first = True
        self._told = b""

    async def position(self) -> int:
        """What the next answer has to show, as a position in the log."""
        if not self._first:
            self._asked = await self._watch.head()
        return self._asked

    async def deliver(self, stream: Stream, value: Any) -> None:
        """Tell an answer if it is another one, and wait until there may be another one again.

        Args:
            stream: Where it is told.
            value: The answer.
        """
        body, position = self._answer.dump(value), self._asked or None
        digest = blake2b(body).digest()
        if digest == self._told:
            await stream.beat(position)
        else:
            await stream.tell(frame(body, position=position))
            self._told = digest
        if self._first:
            self._first = False
        else:
            await self._watch.wait(stream, self._asked, self._where)


def _events_of(app: App, handler: Handler) -> Sequence[Selection]:
    """The events that may change an answer: those of what its handler says it reads, else all."""
    if handler.reads is None:
        return ()
    read = [one for one in app.assembly.projections if one.name in handler.reads]
    types = app.router.catalogue.stored_as(event for one in read for event in one.events)
    return (Selection(types=types.union(*(one.types for one in app.assembly.views if one.name in handler.reads))),)
