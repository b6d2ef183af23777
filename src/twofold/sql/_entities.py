"""The rows of entities, for their repository: found and written in the session of the unit of work."""

from typing import Any, final

from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapper

from twofold.sql._joining import Companion, part_of
from twofold.sql._sessions import Sessions
from twofold.sql._tables import is_mapped
from twofold.sql._versioned import state_of, version_name
from twofold.store import UnitOfWork


@final
class SqlEntities:
    """The entities of one unit of work, in its session.

    Args:
        unit: The unit of work.
        sessions: Makes the sessions of its store.
    """

    def __init__(self, unit: UnitOfWork, sessions: Sessions) -> None:
        self._part = part_of(unit, sessions)

    async def find(self, kind: type[Any], own: object) -> Any:
        """The entity that has an id; None when there is none."""
        return await self._part.session.get(kind, own)

    async def keep(self, entity: object) -> object:
        """Have the session write an entity that may be new to it; its id, for which it is written where it has none."""
        self._part.session.decide(entity)
        if self.id_of(entity) is None:
            await self._part.session.flush()
        return self.id_of(entity)

    async def insert(self, entity: object) -> bool:
        """Write a new entity at once; False when another one has its id.

        Raises:
            IntegrityError: The database refuses it for another reason.
        """
        session, own = self._part.session, self.id_of(entity)
        try:
            async with session.begin_nested():
                session.add(entity)
        except IntegrityError:
            if own is None or await session.get(type(entity), own) is None:
                raise
            return False
        return True

    def id_of(self, entity: object) -> object:
        """The id of an entity; None when the database gives it."""
        (own,) = state_of(entity).mapper.primary_key_from_instance(entity)
        return own

    def version_of(self, entity: object) -> int:
        """The version that the row of an entity is at; 0 when there is none yet."""
        return getattr(entity, _version_of(type(entity)), None) or 0

    def raise_version(self, entity: object) -> None:
        """Have the row written at the next version, though nothing else of it may have changed."""
        following: Any = state_of(entity).mapper.version_id_generator
        setattr(entity, _version_of(type(entity)), following(self.version_of(entity)))

    def follow(self, companion: Companion) -> None:
        """Tell what goes along with a row when it is written and undone."""
        self._part.follow(companion)


def entity_trouble(kind: type) -> tuple[str, str] | None:
    """Why a class cannot be that of entities, with a hint; None when it can.

    Args:
        kind: The class.
    """
    if not is_mapped(kind):
        return "is an entity that no table is mapped to", "map it with SQLAlchemy, or derive it from Aggregate"
    mapper: Mapper[Any] = inspect(kind)
    if len(mapper.primary_key) != 1:
        return "has a key of several columns, and its stream is named after one id", "give it a key of one column"
    column = mapper.version_id_col
    if column is None:
        text = "has no version, so that commands at once would undo what the other one did"
        hint = '__mapper_args__ = {"version_id_col": version}, with version: Mapped[int] = mapped_column()'
        return text, hint
    if mapper.version_id_generator is False or column.type.python_type is not int:
        text = "has a version that is not counted by SQLAlchemy"
        return text, "make it a column of whole numbers, and leave version_id_generator out"
    return None


def _version_of(kind: type) -> str:
    mapper: Mapper[Any] = inspect(kind)
    name = version_name(mapper)
    if name is None:
        raise TypeError(f"{kind.__qualname__} has no version")  # refused at the start
    return name
