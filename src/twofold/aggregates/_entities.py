"""Loading and saving entities that are kept in rows: what they record goes along with whatever their session writes."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, cast

from twofold.aggregates._as_of import AsOf
from twofold.aggregates._entity import Entity
from twofold.aggregates._repository import Repository, taken
from twofold.errors import Exists, WiringError
from twofold.result import Failure, Result, Success
from twofold.store import ANY_VERSION, UnitOfWork

E = TypeVar("E", bound=Entity)


class EntityRows(Protocol):
    """The rows of entities, in the session of one unit of work."""

    async def find(self, kind: type[Any], own: object, /) -> Any:
        """The entity that has an id; None when there is none."""
        ...

    async def keep(self, entity: Any, /) -> object:
        """Have the session write an entity that may be new to it; its id."""
        ...

    async def insert(self, entity: Any, /) -> bool:
        """Write a new entity at once; False when another one has its id."""
        ...

    def id_of(self, entity: Any, /) -> object:
        """The id of an entity; None when the database gives it."""
        ...

    def version_of(self, entity: Any, /) -> int:
        """The version that the row of an entity is at; 0 when there is none yet."""
        ...

    def raise_version(self, entity: Any, /) -> None:
        """Have the row written at the next version, though nothing else of it may have changed."""
        ...

    def follow(self, companion: Any, /) -> None:
        """Tell what goes along with a row: `flushing()` before the last flush, `undone()` after a part was undone."""
        ...


class EntityRepository(Repository[E]):
    """The entities of one class that SQLAlchemy maps.

    Args:
        kind: The class.
        unit: The unit of work that saves them.
        rows: Their rows, in the session of that unit.
    """

    def __init__(self, kind: type[E], unit: UnitOfWork, rows: EntityRows) -> None:
        self._kind = kind
        self._unit = unit
        self._rows = rows

    async def find(self, id: object, *, as_of: AsOf | None = None) -> E | None:  # noqa: A002  # what users call it
        """Load an entity; None when there is none.

        Args:
            id: Its id.
            as_of: Nothing: a row has no past.

        Raises:
            WiringError: It is asked for as of the past.
        """
        stream = self._kind.stream_of(id)
        if as_of is not None:
            raise WiringError(f"{stream} is kept in a row, which has no past: ask History for its events")
        known = self._unit.sources.remembered(stream)
        if isinstance(known, _Kept):
            return cast("E", known.entity)
        found = await self._rows.find(self._kind, id)
        if found is None:
            self._unit.found(stream, 0)
            return None
        return cast("E", self._known(found, stream).entity)

    async def save(self, aggregate: E) -> None:
        """Have an entity written, with the events that it records until the unit commits.

        Args:
            aggregate: One that was loaded here, or a new one.
        """
        version = self._rows.version_of(aggregate)
        stream = aggregate.stream_of(await self._rows.keep(aggregate))
        self._unit.sources.enlist(self._known(aggregate, stream, version))

    async def add(self, aggregate: E) -> Result[None, Exists]:
        """Save a new entity; a Failure when its id is taken. Its row is written at once.

        Args:
            aggregate: A new one.
        """
        own = self._rows.id_of(aggregate)
        if own is not None and await self.find(own) is not None:
            return Failure(taken(aggregate.stream_of(own)))
        if not await self._rows.insert(aggregate):
            return Failure(taken(aggregate.stream_of(own)))
        self._unit.sources.enlist(self._known(aggregate, aggregate.stream_of(self._rows.id_of(aggregate)), 0))
        return Success()

    def _known(self, entity: E, stream: str, version: int | None = None) -> "_Kept":
        known = self._unit.sources.remembered(stream)
        if isinstance(known, _Kept) and known.entity is entity:
            return known
        kept = _Kept(stream, entity, self._unit, self._rows, version)
        self._unit.found(stream, kept.version)
        self._unit.sources.remember(stream, kept)
        self._rows.follow(kept)
        return kept


class _Kept:
    """An entity that the unit of work appends the events of.

    Its row is what is expected at a version, and the stream goes with it: the events of one that nobody saves are
    appended all the same when its row may be written, as the session writes whatever it has loaded.
    """

    def __init__(self, stream: str, entity: Entity, unit: UnitOfWork, rows: EntityRows, version: int | None) -> None:
        self.stream = stream
        self.entity = entity
        self.version = rows.version_of(entity) if version is None else version
        self._unit = unit
        self._rows = rows

    def drain(self) -> tuple[str, int, Sequence[object]] | None:
        events = self.entity.recorded
        return (self.stream, ANY_VERSION, events) if events else None

    def mark(self) -> object:
        return self.entity.recorded

    def revert(self, mark: object) -> None:
        self.entity._recorded = cast("Any", mark)

    def flushing(self) -> None:
        if self.entity.recorded:
            self._unit.sources.enlist(self)
            if self.version and self._rows.version_of(self.entity) == self.version:
                self._rows.raise_version(self.entity)
        self._unit.sources.versioned(self.stream, self._left)

    def undone(self) -> bool:
        if self._unit.sources.remembered(self.stream) is self:
            return False
        self.entity._recorded = ()
        return True

    def _left(self) -> int | None:
        now = self._rows.version_of(self.entity)
        return None if now == self.version else now
