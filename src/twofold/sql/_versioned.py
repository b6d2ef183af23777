"""Rows that have a version, by SQLAlchemy's `version_id_col`: who changes one that was changed meanwhile is refused."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState, Mapper

from twofold.errors import VersionConflict, snake_case


class RowConflict(VersionConflict):
    """A row that has a version was changed by another command since it was read.

    Args:
        versions: The rows of which it is one, by name, with the versions that they were read at.
    """

    code: ClassVar[str] = VersionConflict.code

    def __init__(self, versions: Mapping[str, int]) -> None:
        self.rows = tuple(versions)
        super().__init__(stream=self.rows[0], expected=versions[self.rows[0]])

    @property
    def detail(self) -> str:
        return f"{' or '.join(self.rows)} was changed by another command since it was read"


def versions_of(changed: Iterable[object]) -> dict[str, int]:
    """The versions that rows were read at, by what their entities are called; rows without a version are left out.

    Args:
        changed: Objects of a session.
    """
    found: dict[str, int] = {}
    for one in changed:
        state = state_of(one)
        name = version_name(state.mapper)
        if name is not None and state.identity is not None:
            history = state.attrs[name].history
            key = "-".join(map(str, state.identity))
            found[f"{snake_case(state.class_.__name__)}-{key}"] = (*history.deleted, *history.unchanged, 0)[0]
    return found


def version_name(mapper: Mapper[Any]) -> str | None:
    """The attribute that is the version; None when there is none."""
    column = mapper.version_id_col
    return None if column is None else mapper.get_property_by_column(column).key


def state_of(one: object) -> InstanceState[Any]:
    """What SQLAlchemy knows of an object that is mapped."""
    state: InstanceState[Any] = inspect(one)
    return state
