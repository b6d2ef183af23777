"""What the log was before a command, and what the command has recorded: as far as the trail and the log tell.

A command that has appended says up to where; its events stand together, so the log ended right before the first of
them. One that has appended nothing was answered with the log somewhere behind the last entry before it: events by
others follow there, up to the time at which it ended.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from twofold.app._audit import Audit
from twofold.errors import Refused
from twofold.store import ATTEMPTS, CLOSED, REPLAYED, AuditEntry, AuditSearch, AuditTrail, Log, Recorded

_PAGE: Final = 1000
_NEAR: Final = 64


class SentInside(Refused):
    """A command was sent by the handler of another one, and is a part of that.

    Args:
        entry: What the trail has of it.
        outer: What it has of the other one.
    """

    code: ClassVar[str] = "sent_inside"

    def __init__(self, entry: AuditEntry, outer: AuditEntry) -> None:
        super().__init__(f"{entry.message} {entry.message_id} was sent while {outer.message} was handled, in its unit")
        self.entry, self.outer = entry, outer

    @property
    def hint(self) -> str:
        """What to replay instead."""
        return f"replay the whole: {self.outer.message_id}"


class AnsweredByKey(Refused):
    """A command was answered by its key, with what an earlier one had come to, and never handled.

    Args:
        entry: What the trail has of it.
    """

    code: ClassVar[str] = "answered_by_key"

    def __init__(self, entry: AuditEntry) -> None:
        super().__init__(f"{entry.message} {entry.message_id} was answered by its key, and not handled")
        self.entry = entry

    @property
    def hint(self) -> str:
        """What to replay instead."""
        return f"replay the first one: `twofold audit list --message {self.entry.message} --outcome success`"


class EventsGone(Refused):
    """What a command has recorded has left the log, so nobody can tell what was before it.

    Args:
        entry: What the trail has of it.
    """

    code: ClassVar[str] = "events_gone"

    def __init__(self, entry: AuditEntry) -> None:
        super().__init__(f"what {entry.message} {entry.message_id} has recorded has left the log")
        self.entry = entry

    @property
    def hint(self) -> str:
        """Where to look."""
        return f"`twofold audit list --message {CLOSED}` shows which streams were closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the log tells of a command.

    Args:
        position: Where the log ended before it.
        events: What it has recorded, with the commands that it sent.
    """

    position: int
    events: tuple[Recorded, ...]


async def past_of(entry: AuditEntry, trail: AuditTrail, audit: Audit, log: Log) -> Past:
    """What the log tells of a command.

    Args:
        entry: What the trail has of it.
        trail: The trail.
        audit: The same, for people.
        log: The log.

    Raises:
        AnsweredByKey: It was answered by its key.
        SentInside: It is a part of another one.
        EventsGone: What it has recorded has left the log.
    """
    if entry.outcome == REPLAYED:
        raise AnsweredByKey(entry)
    request = [one async for one in audit.entries(correlation_id=entry.correlation_id)]
    for one in request:
        if str(one.message_id) == entry.causation_id:
            raise SentInside(entry, one)
    own = _caused_by(entry, request)
    batch: Sequence[Recorded] = ()
    if entry.position:
        batch = await _batch(entry, request, log)
        if not batch:
            raise EventsGone(entry)
        position = batch[0].position - 1
    else:
        position = await _reached(entry, trail, log)
    events = {one.id: one for one in batch if one.headers.get("causation_id") in own}
    for message_id in own:  # what it has committed apart, such as that it was attempted, is in streams of its own
        for stream in (f"message-{message_id}", f"{ATTEMPTS}{message_id}"):
            events |= {one.id: one for one in await _stream(stream, log)}
    ordered = sorted(events.values(), key=lambda one: one.position)
    if ordered and not entry.position:
        position = min(position, ordered[0].position - 1)
    return Past(position=position, events=tuple(ordered))


def _caused_by(entry: AuditEntry, request: Sequence[AuditEntry]) -> set[str]:
    """The ids of a command, and of those that were sent while it was handled."""
    below = defaultdict[str | None, list[str]](list)
    for one in request:
        below[one.causation_id].append(str(one.message_id))
    found, unseen = set[str](), [str(entry.message_id)]
    while unseen:
        message_id = unseen.pop()
        if message_id not in found:
            found.add(message_id)
            unseen.extend(below[message_id])
    return found


async def _batch(entry: AuditEntry, request: Sequence[AuditEntry], log: Log) -> Sequence[Recorded]:
    """The events that were committed together with an entry: the last ones up to its position that its unit caused."""
    together = [one for one in request if one.position == entry.position]
    causes = {str(one.message_id) for one in together} | {one.causation_id for one in together}
    causes.discard(None)
    near = _NEAR
    while True:
        page = await log.read(max(entry.position - near, 0), until=entry.position, limit=near)
        first = len(page)
        while first and page[first - 1].headers.get("causation_id") in causes:
            first -= 1
        if first or near >= entry.position:
            return page[first:]
        near *= 4


async def _reached(entry: AuditEntry, trail: AuditTrail, log: Log) -> int:
    """Where the log ended when a command that has appended nothing was answered."""
    position, head, ended = await _position_before(entry, trail), await log.head(), entry.time + entry.duration
    while position < head:
        page = await log.read(position, until=head, limit=_PAGE)
        for one in page:
            if one.time > ended:
                return position
            position = one.position
        if len(page) < _PAGE:
            break
    return position


async def _position_before(entry: AuditEntry, trail: AuditTrail) -> int:
    """The position of the newest entry before one that has any."""
    number = entry.number
    while True:
        page = await trail.find(AuditSearch(), until=number - 1, newest=True, limit=_PAGE)
        for one in page:
            if one.position:
                return one.position
        if len(page) < _PAGE:
            return 0
        number = page[-1].number


async def _stream(stream: str, log: Log) -> Sequence[Recorded]:
    found: list[Recorded] = []
    while True:
        page = await log.read_stream(stream, after=len(found), limit=_PAGE)
        found.extend(page)
        if len(page) < _PAGE:
            return found
