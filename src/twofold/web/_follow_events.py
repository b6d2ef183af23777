"""Events of the log that are told as they come, to whoever was let follow them."""

from collections.abc import Iterator
from typing import final

from twofold.app import App
from twofold.errors import Undecodable
from twofold.messages import Feed
from twofold.store import Recorded, Selection, decode
from twofold.web._arrival import Arrival
from twofold.web._reception import log_crash
from twofold.web._stream import Stream, frame
from twofold.web._watch import Watch

_PAGE = 100


@final
class FollowedEvents:
    """How far one client has followed the log.

    It is told what an event is called and what is in it, and its position; nothing of its metadata.

    Args:
        app: The application.
        arrival: The request.
        tenant: Whose events they are.
        watch: The log.
        head: Up to where the log was final when the client came.
        seen: The position up to which the client has seen the log before; None for nothing.
    """

    def __init__(
        self, app: App, arrival: Arrival, *, tenant: str | None, watch: Watch, head: int, seen: int | None
    ) -> None:
        self._catalogue = app.router.catalogue
        self._arrival = arrival
        self._tenant = tenant
        self._watch = watch
        self._head = head
        self._seen = seen

    async def position(self) -> int:
        """What the query that says what may be followed has to show of the log: whatever it does."""
        return 0

    async def deliver(self, stream: Stream, value: Feed) -> None:
        """Tell the next events; wait for some when there are none.

        Args:
            stream: Where they are told.
            value: What may be followed.

        Raises:
            NewerVersion: An event is of a version that this process does not know yet.
        """
        where = (Selection(types=self._catalogue.stored_as(value.events), tags=value.tags),)
        if self._seen is None:
            self._seen = self._head if value.after is None else value.after
        head = await self._watch.head()
        page = await self._watch.read(self._seen, until=head, limit=_PAGE, where=where)
        for entry in page:
            frames = b"".join(self._frames(entry, value))
            if frames:
                await stream.tell(frames)
            self._seen = entry.position
        if len(page) < _PAGE:
            self._seen = max(self._seen, head)
            await stream.beat(self._seen)
            self._seen = await self._watch.wait(stream, self._seen, where)

    def _frames(self, entry: Recorded, feed: Feed) -> Iterator[bytes]:
        """The events that an entry has become, of which the last one has its position."""
        if entry.headers.get("tenant") != self._tenant:
            return
        try:
            facts = decode(self._catalogue, [entry])
        except Undecodable as error:
            log_crash(error, self._arrival)
            yield frame(b"{}", event="undecodable", position=entry.position)
            return
        by_class = {cls: self._catalogue.of(cls) for cls in feed.events}
        told = [(by_class[type(fact.event)], fact.event) for fact in facts if type(fact.event) in by_class]
        for place, (kind, event) in enumerate(told, start=1):
            yield frame(kind.encode(event), event=kind.name, position=entry.position if place == len(told) else None)
