"""Names that change together: how a read model that was built beside the live one takes its place, and goes back.

Queries name the live tables, so what changes is what these names mean. A store does all of it in one transaction:
a reader sees the tables before it, or after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twofold.store._checkpoint import Checkpoint
from twofold.store._remainder import Remainder


class Aside(NamedTuple):
    """A table that stands beside one of a read model, with the same columns, and with a suffix to its name.

    It may stand wherever a table may: in row changes, and among the tables to create.

    Args:
        table: The table, or the class that is mapped to it.
        place: The suffix.
        siblings: All tables of the read model, itself too; what refers to one of them refers to the one beside it.
    """

    table: Any
    place: str
    siblings: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rearrangement:
    """What comes, goes and changes its name in one transaction, or not at all; done in the order of the fields.

    Tables are named as in `table_name`. One that is not there is neither dropped nor renamed.

    Args:
        versions: The versions that checkpoints must have; 0 for one that must not be there.
        remainder: What is left of the log, to be dealt with first; nobody appends until all of this is done.
        ahead: Pairs of checkpoints, the first of which must not stand behind the second.
        drops: Tables to drop; they may refer to each other.
        forgets: Checkpoints to delete, with what they have parked.
        renames: Tables, each with its new name, one after the other.
        views: Materialized views over these tables, those before that others select from. Those that are there hold
            from now on what the tables with these names do.
        checkpoints: Checkpoints, each with its new name, one after the other; what they have parked goes along. They
            are free then, with a token that no checkpoint had before.
        tables: The tables that these checkpoints list from now on.
        creates: Tables to create where they are missing.
        places: Checkpoints to write as they are; refused where there is one.
    """

    versions: Mapping[str, int] = field(default_factory=dict[str, int])
    remainder: Remainder | None = None
    ahead: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    forgets: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    views: tuple[Any, ...] = ()
    checkpoints: tuple[tuple[str, str], ...] = ()
    tables: tuple[str, ...] = ()
    creates: tuple[Any, ...] = ()
    places: tuple[Checkpoint, ...] = ()


def table_name(table: Any) -> str:
    """What a database calls a table, with its schema when it has one; text for what is no table of SQLAlchemy's."""
    if isinstance(table, Aside):
        return beside(table_name(table.table), table.place)
    found = getattr(table, "__table__", table)
    return str(getattr(found, "fullname", found))


def beside(name: str, place: str) -> str:
    """The name of the table that stands beside one with this name."""
    return f"{name}__{place}"
