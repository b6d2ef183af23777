"""Answers of queries that are kept: what handlers say of that, and the news of events that end them.

The news come from the log, in every process that keeps answers; what this process commits itself is known at once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, final

from dishka import Provider, Scope

from twofold.app._own_writes import read_by
from twofold.cache import Cache, Caches, Recency, StoredCaches
from twofold.clock import Clock
from twofold.dispatch import AnswerCodec, Handler, Stage, answered_type
from twofold.errors import Classifier, Fault, WiringError
from twofold.messages import Catalogue, Kind
from twofold.middleware import CacheStage, Tally, Within, cache_stage
from twofold.store import Selection
from twofold.subscriptions import Source

_LOGGER: Final = logging.getLogger("twofold.cache")
_POLL: Final = 1.0
_PAGE: Final = 1000


@final
class Caching:
    """What the handlers of an application say of their answers, as a stage and as a dependency.

    Args:
        handlers: The handlers.
        catalogue: The messages.
        followed: What they may read that follows the log; see `waited_for`.
        faults: Where mistakes are noted.
        clock: Tells the time.
        space: What keys begin with where applications share a place.
    """

    def __init__(
        self,
        handlers: Iterable[Handler],
        catalogue: Catalogue,
        followed: Sequence[str],
        faults: list[Fault],
        *,
        clock: Clock,
        space: str,
    ) -> None:
        self._catalogue, self._followed = catalogue, followed
        self._clock, self._space = clock, space
        self.said: dict[Handler, Cache] = {}
        """What each handler says that says anything."""
        for handler in handlers:
            if "cache" in handler.options and handler.kind is Kind.QUERY:
                self._read(handler, faults)
        self.newest = Recency(catalogue.stored_as(cls for one in self.said.values() for cls in one.invalidated_by))
        self._following: asyncio.Task[None] | None = None

    def provider(self) -> Provider:
        """The places where answers are kept, which live as long as the application."""

        async def caches() -> AsyncIterator[Caches]:
            made = StoredCaches([one.store for one in self.said.values()], self._clock, self._space)
            yield made
            await made.close()

        provider = Provider(scope=Scope.APP)
        provider.provide(caches)
        return provider

    def stage(
        self,
        get: Callable[[type[Any]], Awaitable[Any]],
        seen: Callable[[Iterable[str]], Awaitable[int]],
        classifier: Classifier,
        joined: Callable[[], bool],
        tally: Tally,
        within: Within,
    ) -> Stage:
        """The stage.

        Args:
            get: Gives a dependency, once the application runs.
            seen: Tells how far whoever reads from here on sees in what others have made of the log.
            classifier: Tells failures from bugs.
            joined: Whether a query is a part of a command.
            tally: Counts hits and misses.
            within: Ends what takes longer than a query may.
        """
        names = {one: read_by(one, self._followed) for one in self.said}
        parts = CacheStage(
            caches=lambda: get(Caches),
            newest=self.newest,
            seen=lambda handler: seen(names[handler]),
            catalogue=self._catalogue,
            classifier=classifier,
            joined=joined,
            tally=tally,
            within=within,
        )
        return cache_stage(self.said.get, parts)

    async def prepare(self, get: Callable[[type[Any]], Awaitable[Any]]) -> None:
        """Make the places where answers are kept, so that a missing package of an extra is told at the start.

        Args:
            get: Gives a dependency.

        Raises:
            MissingExtraError: One is.
        """
        for said in self.said.values():
            (await get(Caches)).of(said.store)

    async def follow(self, source: Source) -> None:
        """Begin to hear of events, when any of them ends an answer.

        Args:
            source: The log.
        """
        if self.newest.types:
            head = await source.log.head()
            self.newest.begin(head)
            self.newest.sure = True
            self._following = asyncio.create_task(self._follow(source, head), name="twofold news for answers")

    async def stop(self) -> None:
        """Hear no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})
            self.newest.sure, self._following = False, None

    async def _follow(self, source: Source, position: int) -> None:
        while True:
            try:
                await source.wakeup.wait(position, _POLL)
                position = await self._hear(source, position)
                self.newest.sure = True
            except Exception as error:  # logged; nothing that an event may end is given until it works
                if self.newest.sure:
                    _LOGGER.warning("answers are not given again: the log is out of sight", exc_info=error)
                self.newest.sure = False
                await asyncio.sleep(_POLL)

    async def _hear(self, source: Source, position: int) -> int:
        head = await source.log.head()
        where = (Selection(types=self.newest.types),)
        while position < head:
            page = await source.log.read(position, until=head, limit=_PAGE, where=where)
            for event in page:
                self.newest.note((event.type,), event.position)
            position = page[-1].position if len(page) == _PAGE else head
        return position

    def _read(self, handler: Handler, faults: list[Fault]) -> None:
        try:
            said = Cache.of(handler.options["cache"])
            answered = answered_type(handler)
            if answered is Any:
                raise WiringError("does not say what it answers: annotate it, for an answer to be the same when kept")
            AnswerCodec(answered)
            for event in said.invalidated_by:
                if event not in self._catalogue or self._catalogue.of(event).kind is not Kind.EVENT:
                    raise WiringError(f"invalidated_by names {event!r}, which is no event that this application knows")
        except WiringError as error:
            text = f"says cache= wrongly: {error}"
            faults.append(Fault(where=handler.id, code="wrong_setting", text=text))
        else:
            self.said[handler] = said
