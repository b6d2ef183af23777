"""Faults in the tables of an application: what is none, what has no key, and what two projections fill."""

from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

from twofold.dispatch import Module
from twofold.errors import Fault, WiringError
from twofold.projections import Projection, table_behind


def table_faults(modules: Sequence[Module], projections: Sequence[Projection], sql: ModuleType | None) -> list[Fault]:
    """What is wrong with the tables that an application declares.

    Args:
        modules: What it is made of.
        projections: Its projections; of two with one name, the second is a fault already.
        sql: The room of SQL, when there is one; without it, anything is a table.
    """
    return [*_shared(projections), *([] if sql is None else _unusable(modules, projections, sql))]


def _shared(projections: Iterable[Projection]) -> Iterator[Fault]:
    owners: dict[Any, str] = {}
    for projection in projections:
        for table in dict.fromkeys(map(table_behind, projection.tables)):
            owner = owners.setdefault(table, projection.name)
            if owner != projection.name:
                yield Fault(
                    where=f"projection {projection.name}",
                    code="shared_table",
                    text=f"fills the table {table}, and so does the projection {owner}",
                    hint="give each a table of its own, or join the two: each has its own checkpoint",
                )


def _unusable(modules: Iterable[Module], projections: Iterable[Projection], sql: ModuleType) -> Iterator[Fault]:
    for where, declared, look in (
        *((f"module {module.name}", module.tables, sql.table_of) for module in modules),
        *((f"projection {projection.name}", projection.tables, sql.layout_of) for projection in projections),
    ):
        for entity in declared:
            try:
                look(entity)
            except WiringError as error:
                hint = "declare a SQLAlchemy Table, or a class mapped to one, with a primary key"
                yield Fault(
                    where=where, code="unusable_table", text=f"declares what it cannot use: {error.detail}", hint=hint
                )
