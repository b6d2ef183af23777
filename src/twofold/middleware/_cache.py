"""Giving the answer that a query has had before, when it is new enough for who asks; one asks for all who ask at once.

Whether an answer is new enough is decided when it is found: it must have seen the newest event that ends it, and what
its caller has written. So it does not matter when it was stored, or by which process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, final

from pydantic import ValidationError

from twofold.dispatch import AnswerCodec, Handler, Next, Stage, answered_type, failure_of
from twofold.errors import Category, Classifier, NotYetVisible, TimedOut, Undecodable, WiringError
from twofold.messages import Catalogue, Context, MessageType
from twofold.middleware._substitutes import watching_substitutes
from twofold.middleware._tally import Tally
from twofold.middleware._timeout import Within, halfway
from twofold.result import Failure, Result, Success

if TYPE_CHECKING:
    from twofold.cache import Answers, Cache, Caches, Kept, Key

Seen: TypeAlias = Callable[[Handler], Awaitable[int]]
"""Tells how far in the log whatever a query reads has come, at least, for who reads from here on."""


class Newest(Protocol):
    """Knows the newest events."""

    @property
    def sure(self) -> bool:
        """Whether it does."""
        ...

    def needed(self, types: Collection[str], /) -> int:
        """The position that an answer must have seen, when events of these types end it."""
        ...


@final
class CacheStage:
    """What the stage of every handler has in common.

    Args:
        caches: Gives the places where answers are kept, once the application runs.
        newest: Knows the newest events.
        seen: Tells what a query sees.
        catalogue: Where the codecs of messages are.
        classifier: Tells failures from bugs.
        joined: Whether a query is a part of a command, which may have written what nobody else sees.
        tally: Counts hits and misses.
        within: Ends what takes longer than the query may.
    """

    def __init__(
        self,
        *,
        caches: "Callable[[], Awaitable[Caches]]",
        newest: Newest,
        seen: Seen,
        catalogue: Catalogue,
        classifier: Classifier,
        joined: Callable[[], bool],
        tally: Tally,
        within: Within,
    ) -> None:
        self.caches, self.newest, self.seen = caches, newest, seen
        self.catalogue, self.classifier = catalogue, classifier
        self.joined, self.tally, self.within = joined, tally, within


def cache_stage(settings: "Callable[[Handler], Cache | None]", parts: CacheStage) -> Stage:
    """The stage, for queries whose handler says `cache`.

    Args:
        settings: What a handler says.
        parts: What all of them share.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        said = settings(handler)
        return None if said is None else _Cached(handler, said, call_next, parts).answer

    return Stage("cache", wrap)


@final
@dataclass(frozen=True, slots=True)
class _Landing:
    """What one question came to, for all who waited for it; with neither, each of them asks for itself.

    Args:
        kept: The answer.
        failure: What was answered instead of one.
        seen: The position up to which a failure has seen the log, at least.
        marks: The marks of the tags before it was asked.
    """

    kept: "Kept | None" = None
    failure: Failure[Any] | None = None
    seen: int = 0
    marks: tuple[str, ...] = ()

    @property
    def is_for_one(self) -> bool:
        """Whether it was for who asked alone."""
        return self.kept is None and self.failure is None


@final
class _Cached:
    """The stage of one handler."""

    def __init__(self, handler: Handler, said: "Cache", call_next: Next, parts: CacheStage) -> None:
        self._handler, self._said, self._next, self._parts = handler, said, call_next, parts
        self._query = parts.catalogue.of(handler.message_type)
        self._codec = AnswerCodec(answered_type(handler))
        self._ending = parts.catalogue.stored_as(said.invalidated_by)
        self._flights: dict[Key, asyncio.Future[_Landing | None]] = {}
        """What is being asked; None comes of it when whoever asked has nothing to tell, and the next one asks."""
        self._answers: Answers | None = None

    async def answer(self, message: Any, context: Context) -> Result[Any, Any]:
        key = None if self._parts.joined() else key_of(self._query, message, context, self._said.scope)
        if key is None or (self._ending and not self._parts.newest.sure):
            self._count("cache_misses")
            return await self._next(message, context)
        if self._answers is None:
            self._answers = (await self._parts.caches()).of(self._said.store)
        receipt = context.origin.receipt
        position = 0 if receipt is None else receipt.position
        since = False
        """Whether a flight from here on has begun since this query came, and so saw all that was there by then."""
        while True:
            kept, marks = await self._answers.look(key, self._said.tags, halfway(context))
            needed = max(position, self._parts.newest.needed(self._ending))
            if kept is not None and kept.seen >= needed:
                return self._hit(kept)
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(key, marks, message, context, self._answers)
            if not await _ends_in_time(flight, context):
                break
            landing = flight.result()
            if landing is not None:
                if landing.failure is not None and (
                    self._is_away(landing.failure)
                    or (landing.seen >= position if since else landing.seen >= needed and landing.marks == marks)
                ):
                    self._count("cache_misses")
                    return landing.failure
                if since and landing.kept is not None and landing.kept.seen >= position:
                    return self._hit(landing.kept)
                if since or landing.is_for_one:
                    break
            since = True
        self._count("cache_misses")
        return await self._next(message, context)

    def _is_away(self, failure: Failure[Any]) -> bool:
        """Whether something is not there: then it is there for nobody, whatever they have written."""
        return self._parts.classifier.of_value(failure.error) is Category.UNAVAILABLE

    async def _lead(
        self, key: "Key", marks: tuple[str, ...], message: Any, context: Context, answers: "Answers"
    ) -> Result[Any, Any]:
        """Ask the handler, for everybody who asks the same meanwhile."""
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        landing: _Landing | None = None
        self._count("cache_misses")
        try:
            seen = await self._sees(context)
            with watching_substitutes() as substitutes:
                result = await self._next(message, context)
            if isinstance(result, Failure):
                if not isinstance(result.error, (TimedOut, NotYetVisible)):  # its own time, and its own writes
                    landing = _Landing(failure=result, seen=seen or 0, marks=marks)
                return result
            kept = None if seen is None or substitutes else self._kept(result.value, seen, marks)
            landing = _Landing(kept)
            if kept is None:
                return result
            await answers.keep(key, kept, self._said.seconds, halfway(context))
            return Success(self._codec.load(kept.body))  # the same as for whoever comes next
        finally:
            del self._flights[key]
            flight.set_result(landing)

    async def _sees(self, context: Context) -> int | None:
        """What the query sees, at least; None when nobody can tell in time, and the answer cannot be kept."""
        try:
            with self._parts.within(context.deadline):
                return await self._parts.seen(self._handler)
        except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
            failure_of(error, self._parts.classifier)
            return None

    def _kept(self, value: object, seen: int, marks: tuple[str, ...]) -> "Kept | None":
        """An answer to keep; None for one that would not come out as it went in."""
        from twofold.cache import Kept  # noqa: PLC0415  # loaded by who says `cache` alone

        with suppress(ValidationError, WiringError):
            body = self._codec.dump(value)
            self._codec.load(body)
            return Kept(body, seen, marks)
        self._count("cache_refusals")
        return None

    def _hit(self, kept: "Kept") -> Result[Any, Any]:
        self._count("cache_hits")
        return Success(self._codec.load(kept.body))

    def _count(self, what: str) -> None:
        self._parts.tally(what, self._query.name)


def key_of(query: MessageType[Any], message: Any, context: Context, scope: str) -> "Key | None":
    """Everything that an answer depends on; None when the encoded query does not hold all of the query.

    Args:
        query: The type of the query.
        message: The query.
        context: Its context.
        scope: Who is given the same answer.
    """
    body = query.encode(message)
    try:
        if query.decode(body) != message:  # a secret, or a field that is left out: two queries would read the same
            return None
    except Undecodable:
        return None
    whose: Sequence[str | None] = ()
    if scope != "all":
        whose = (context.tenant,)
    if scope == "principal":
        roles = () if context.principal is None else sorted(context.principal.roles)
        whose = (context.tenant, context.user_id, *roles)
    return (query.name, str(query.wire.version), body.decode(), *whose)


async def _ends_in_time(flight: asyncio.Future[Any], context: Context) -> bool:
    """Whether another one's question ends before the deadline of this one."""
    left = None if context.deadline is None else max(0.0, context.deadline - context.clock.monotonic())
    await asyncio.wait({flight}, timeout=left)  # whoever is cancelled here cancels nobody else
    return flight.done()
