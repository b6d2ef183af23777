"""An entity: something with an id that records what happens to it, wherever its state is kept."""

from collections.abc import Sequence
from typing import ClassVar

from twofold.errors import snake_case
from twofold.messages import Event


class Entity:
    """Derive a class from it that SQLAlchemy maps, and call `record` where its methods decide.

    A repository loads and saves it like an aggregate: its row, and in its stream what it has recorded, commit together.
    Of commands that change one at once one is refused, by the version column, and is decided again.

    Example:
        >>> class User(Entity, Base):
        ...     __tablename__ = "users"
        ...     id: Mapped[UUID] = mapped_column(primary_key=True)
        ...     version: Mapped[int] = mapped_column()
        ...     name: Mapped[str]
        ...     __mapper_args__ = {"version_id_col": version}
        ...     def rename(self, name: str) -> None:
        ...         self.name = name
        ...         self.record(UserRenamed(user_id=self.id, name=name))
    """

    stream_name: ClassVar[str] = ""
    """What its streams are called, before the id; the class name in snake case unless set."""

    _recorded = tuple[Event, ...]()  # without an annotation, which SQLAlchemy would take for one of a column

    def record(self, event: Event) -> None:
        """Say that something happened, and remember it until the unit of work commits.

        Args:
            event: What happened.
        """
        self._recorded = (*self._recorded, event)

    @property
    def recorded(self) -> Sequence[Event]:
        """The events that are not in the log yet."""
        return self._recorded

    @classmethod
    def stream_of(cls, id: object) -> str:  # noqa: A002  # what users call it
        """The name of the stream of the one with an id."""
        return f"{cls.stream_name or snake_case(cls.__name__)}-{id}"
