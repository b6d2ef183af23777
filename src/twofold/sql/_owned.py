"""The tenant of the rows that a projection makes: that of the event, unless the projection says another one."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from twofold.errors import WiringError
from twofold.sql._tables import layout_of, table_of
from twofold.sql._tenant_id import tenant_column_of
from twofold.store import Add, RowChange, Upsert


def owned_by(tables: Collection[Any]) -> Callable[[Sequence[RowChange], str | None], Sequence[RowChange]] | None:
    """What gives row changes the tenant of an event; None when none of the tables belongs to tenants.

    Args:
        tables: Those that a projection fills.
    """
    if not any(map(_belongs, tables)):
        return None
    return lambda changes, tenant: changes if tenant is None else [*_owned(changes, tenant)]


def _belongs(entity: Any) -> bool:
    try:
        return tenant_column_of(table_of(entity)) is not None
    except WiringError:  # what is no table is a fault of the application already
        return False


def _owned(changes: Sequence[RowChange], tenant: str) -> Iterator[RowChange]:
    for change in changes:
        name = _name_of(change.table)
        match change:
            case Upsert(key=key, values=values) if name is not None and name not in values:
                yield Upsert(change.table, key, {**values, name: tenant})
            case Add(key=key) if name is not None:
                yield Upsert(change.table, key, {name: tenant})
                yield change
            case _:
                yield change


def _name_of(entity: Any) -> str | None:
    """What users call the column of the tenant; None where there is none, or it belongs to the key."""
    layout = layout_of(entity)
    column = tenant_column_of(layout.table)
    return next((name for name, key in layout.columns.items() if column is not None and key == column.key), None)
