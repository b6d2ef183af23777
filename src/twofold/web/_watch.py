"""Waiting for events of the log that somebody wants to hear of, on behalf of all streams of a process.

They share one look at the end of the log, as subscriptions do; a process without the log looks at the clock instead.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, final

from twofold.app import App
from twofold.store import Recorded, Selection, Store
from twofold.subscriptions import Tail
from twofold.web._stream import Stream

_POLL: Final = 1.0


@final
class Watch:
    """The log of an application, as its streams see it.

    Args:
        app: The application.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._tail: Tail | None = None
        self._store: Store | None = None

    @property
    def blind(self) -> bool:
        """Whether this process does not see the log."""
        return self._app.stores.logless

    async def head(self) -> int:
        """Up to where the log is final; 0 for a process that does not see it."""
        return 0 if self.blind else await self._log().head()

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection]) -> Sequence[Recorded]:
        """Events of the log."""
        return await self._log().read(after, until=until, limit=limit, where=where)

    async def wait(self, stream: Stream, position: int, where: Sequence[Selection]) -> int:
        """Wait until there are events behind a position: a pause at least, and a heartbeat at most.

        Args:
            stream: The stream that waits.
            position: The position.
            where: Which events; any unless given.

        Returns:
            A position up to which there are none of those between the first one and it.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + stream.settings.heartbeat
        await stream.rest(stream.settings.pause)
        while stream.open and self._app.running and (left := end - loop.time()) > 0:
            if self.blind:
                await stream.rest(min(_POLL, left))
                break
            await self._rung(stream, position, min(_POLL, left))
            head = await self.head()
            if head > position:
                if not where or await self.read(position, until=head, limit=1, where=where):
                    break
                position = head
        return position

    async def _rung(self, stream: Stream, position: int, seconds: float) -> None:
        """Wait for the bell of the log, or for the end of the stream."""
        bell = asyncio.create_task(self._log().wakeup.wait(position, seconds))
        end = asyncio.create_task(stream.rest(seconds))
        try:
            done, _ = await asyncio.wait({bell, end}, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            bell.cancel()
            end.cancel()

    def _log(self) -> Tail:
        store = self._app.stores.write
        if self._tail is None or self._store is not store:
            self._tail, self._store = Tail(store), store
        return self._tail
