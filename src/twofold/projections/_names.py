"""Names that tables and checkpoints get beside the live ones: they must fit, and mean nothing else."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from twofold.errors import Fault
from twofold.projections._place import AWAY, NEXT, PREVIOUS
from twofold.projections._projection import Projection
from twofold.store import beside, table_name

_LONGEST: Final = 63
"""How many bytes of a name PostgreSQL keeps; an application should be able to move there."""


def name_faults(projections: Iterable[Projection], tables: Iterable[Any]) -> Iterator[Fault]:
    """Tables of projections that cannot have another one beside them.

    Args:
        projections: The projections of an application.
        tables: All its tables.
    """
    known = {table_name(table) for table in tables}
    for projection in projections:
        where = f"projection {projection.name}"
        for name in dict.fromkeys(map(table_name, projection.tables)):
            aside = [beside(name, place) for place in (NEXT, PREVIOUS, AWAY)]
            if any(len(one.rpartition(".")[2].encode()) > _LONGEST for one in aside):
                text = f"fills the table {name!r}, whose name leaves no room for {aside[1]!r}"
                hint = f"it may have {_LONGEST - len(beside('', PREVIOUS))} bytes"
                yield Fault(where=where, code="long_table_name", text=text, hint=hint)
            for clash in known.intersection(aside):
                text = f"fills {name!r}, and {clash!r} is a table of its own"
                hint = f"rename it: another version of {name!r} is built under that name"
                yield Fault(where=where, code="table_name_clash", text=text, hint=hint)
