"""Changes to the rows of a read model, as data, so that a store can fold them and send one statement per table.

A table is whatever the store's SQL room understands: a SQLAlchemy `Table` or a mapped class. Nothing here looks inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Upsert:
    """Set columns of the row with this key; insert the row when it is missing.

    Args:
        table: The table.
        key: The columns of its primary key, and their values.
        values: The other columns to set, and their values; columns not named are left alone.
    """

    table: Any
    key: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Add:
    """Add to numeric columns of the row with this key; insert the row, counting from 0, when it is missing.

    Args:
        table: The table.
        key: The columns of its primary key, and their values.
        amounts: The columns to add to, and how much; negative to take away.
    """

    table: Any
    key: Mapping[str, Any]
    amounts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the row with this key, if it is there.

    Args:
        table: The table.
        key: The columns of its primary key, and their values.
    """

    table: Any
    key: Mapping[str, Any]


RowChange: TypeAlias = Upsert | Add | Delete
