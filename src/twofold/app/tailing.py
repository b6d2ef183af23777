"""The events of a log as they come, for whoever looks on; nothing is moved, owned or parked by it."""

from collections.abc import AsyncGenerator, Collection
from typing import Final

from twofold.app._app import App
from twofold.app._called import message_called
from twofold.messages import Kind
from twofold.store import Recorded, Selection

_PAGE: Final = 500
_LOOK: Final = 1.0
"""After how many seconds it looks by itself: for what other processes write to SQLite."""


def selection_of(
    app: App, *, types: Collection[str] = (), tags: Collection[str] = (), stream: str | None = None
) -> Selection:
    """Which events are meant.

    Args:
        app: The application; it need not be running.
        types: Wire names or classes, any of which an event has, under older names too; all of them unless given.
        tags: Tags, all of which it carries.
        stream: The name of its stream, or the beginning of the name with `*` at the end.

    Raises:
        NoSuchMessage: It knows no such event.
    """
    catalogue = app.router.catalogue
    wanted = [message_called(app.name, catalogue, name, Kind.EVENT).cls for name in types]
    return Selection(types=catalogue.stored_as(wanted) if wanted else None, tags=frozenset(tags), stream=stream)


async def tail(app: App, where: Selection, *, after: int | None = None) -> AsyncGenerator[Recorded]:
    """Events as they come, in the order of the log, without an end.

    Args:
        app: The application; its stores are open.
        where: Which ones.
        after: The position to start behind; where the log ends now unless given.
    """
    log, wakeup = app.store.log, app.store.wakeup
    position = await log.head() if after is None else after
    while True:
        head = await log.head()
        while position < head:
            page = await log.read(position, until=head, limit=_PAGE, where=(where,))
            for entry in page:
                yield entry
            position = page[-1].position if len(page) == _PAGE else head
        await wakeup.wait(max(position, head), _LOOK)
