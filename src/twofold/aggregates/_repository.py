"""Loading and saving aggregates, in the unit of work of the command that is being handled."""

import copy
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

from twofold.aggregates._aggregate import Aggregate
from twofold.aggregates._as_of import AsOf, NotThePresent
from twofold.aggregates._entity import Entity
from twofold.aggregates._history import missing, past_of
from twofold.aggregates._loading import load
from twofold.errors import Exists, NotFound, WiringError
from twofold.messages import Catalogue
from twofold.result import Failure, Result, Success
from twofold.store import Store, UnitOfWork

A = TypeVar("A", bound=Entity)


class Repository(Generic[A]):
    """The aggregates of one class, as their events tell them; or the entities, as their rows are.

    Args:
        kind: The class.
        unit: The unit of work that saves them.
        store: Where their events are.
        catalogue: What decodes their events.
    """

    def __init__(self, kind: type[A], unit: UnitOfWork, store: Store, catalogue: Catalogue) -> None:
        self._kind: type[Any] = kind  # of aggregates: entities have a repository of their own, which is one of these
        self._unit = unit
        self._store = store
        self._catalogue = catalogue
        self._passed: dict[str, int] = {}
        """Streams of which no event is left today, with their versions."""

    async def get(self, id: object, *, as_of: AsOf | None = None) -> Result[A, NotFound]:  # noqa: A002  # what users call it
        """Load an aggregate; a Failure when there is none.

        Args:
            id: Its id.
            as_of: When it was like that; one of the past is not saved. Now unless given.
        """
        found = await self.find(id, as_of=as_of)
        return Failure(missing(self._kind.stream_of(id), as_of)) if found is None else Success(found)

    async def find(self, id: object, *, as_of: AsOf | None = None) -> A | None:  # noqa: A002  # what users call it
        """Load an aggregate; None when there is none.

        Args:
            id: Its id.
            as_of: When it was like that; one of the past is not saved. Now unless given.
        """
        stream = self._kind.stream_of(id)
        if as_of is not None:
            return await past_of(self._kind, stream, self._store.log, self._catalogue, as_of)
        known = self._unit.sources.remembered(stream)
        if isinstance(known, _Saved):
            return cast("A", known.aggregate)
        found: A | None
        found, version = await load(self._kind, stream, self._unit, self._store, self._catalogue)
        self._unit.found(stream, 0 if found is None else version)
        if found is not None:
            self._unit.sources.remember(stream, _Saved(stream, cast("Aggregate", found)))
        elif version:
            self._passed[stream] = version
        return found

    async def save(self, aggregate: A) -> None:
        """Have the events that an aggregate records, until the unit commits, appended to its stream.

        Args:
            aggregate: One that was loaded here, or a new one.

        Raises:
            WiringError: It has recorded nothing, so it has no id.
            NotThePresent: It was loaded as of a moment of the past.
        """
        own = cast("Aggregate", aggregate)
        stream = own.stream_of(_id_of(own))
        if own.as_of is not None:
            raise NotThePresent(what=stream, as_of=own.as_of)
        known = self._unit.sources.remembered(stream)
        if isinstance(known, _Saved) and known.aggregate is own:
            self._unit.sources.enlist(known)
            return
        self._unit.found(stream, own.version)
        saved = _Saved(stream, own, after=0 if own.version else self._passed.get(stream, 0))
        self._unit.sources.remember(stream, saved)
        self._unit.sources.enlist(saved)

    async def add(self, aggregate: A) -> Result[None, Exists]:
        """Save a new aggregate; a Failure when its id is taken.

        Args:
            aggregate: A new one.

        Raises:
            WiringError: It has recorded nothing, so it has no id.
        """
        own = _id_of(aggregate)
        if await self.find(own) is not None:
            return Failure(taken(self._kind.stream_of(own)))
        await self.save(aggregate)
        return Success()


class _Saved:
    """An aggregate that the unit of work appends the events of, behind events that it does not know of."""

    __slots__ = ("after", "aggregate", "stream")

    def __init__(self, stream: str, aggregate: Aggregate, after: int = 0) -> None:
        self.stream = stream
        self.aggregate = aggregate
        self.after = after

    def drain(self) -> tuple[str, int, Sequence[object]] | None:
        events = self.aggregate.recorded
        return (self.stream, self.after + self.aggregate.version, events) if events else None

    def mark(self) -> object:
        # Events never change, so a copy of the state need not hold copies of them.
        recorded = self.aggregate.recorded
        return copy.deepcopy(vars(self.aggregate), {id(recorded): recorded})

    def revert(self, mark: object) -> None:
        state = vars(self.aggregate)
        state.clear()
        state.update(cast("dict[str, Any]", mark))


def taken(stream: str) -> Exists:
    """What is said of a new one whose id another one has."""
    what = stream.replace("-", " ", 1)
    return Exists(f"there is {'an' if what[:1] in 'aeiou' else 'a'} {what} already")


def _id_of(aggregate: Entity) -> object:
    if not hasattr(aggregate, "id"):
        raise WiringError(f"{type(aggregate).__qualname__} has no id: its first event must set one in evolve")
    return cast("Any", aggregate).id
