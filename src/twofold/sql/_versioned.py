"""Rows that have a version, by SQLAlchemy's `version_id_col`: who changes one that was changed meanwhile is refused."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import Connection, inspect, literal, select
from sqlalchemy.orm import InstanceState, Mapper

from twofold.errors import VersionConflict, snake_case


class RowConflict(VersionConflict):
    """A row that has a version was changed by another command since it was read, or inserted since it was not there.

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
            found[_called(state, state.identity)] = (*history.deleted, *history.unchanged, 0)[0]
    return found


def taken_among(new: Iterable[object], connection: Connection) -> dict[str, int]:
    """Those of some new rows whose keys are taken, by what their entities are called, all at version 0.

    Args:
        new: Objects that could not be inserted.
        connection: Where to look.
    """
    found: dict[str, int] = {}
    for one in new:
        mapper = state_of(one).mapper
        key = mapper.primary_key_from_instance(one)
        same = (column == value for column, value in zip(mapper.primary_key, key, strict=True))
        if None not in key and connection.execute(select(literal(1)).where(*same)).first() is not None:
            found[_called(state_of(one), key)] = 0
    return found


def _called(state: InstanceState[Any], key: Iterable[object]) -> str:
    return "-".join(map(str, (snake_case(state.class_.__name__), *key)))


def version_name(mapper: Mapper[Any]) -> str | None:
    """The attribute that is the version; None when there is none."""
    column = mapper.version_id_col
    return None if column is None else mapper.get_property_by_column(column).key


def state_of(one: object) -> InstanceState[Any]:
    """What SQLAlchemy knows of an object that is mapped."""
    state: InstanceState[Any] = inspect(one)
    return state
