"""Statements of one tenant: SQLAlchemy's compiler, for which a table with a `TenantId` has the rows of one tenant.

It works where a table is named in SQL, so no join, alias, subquery, lazy load or refresh gets around it. What it makes
is compiled once, like any statement; which tenant it is, is a parameter.
"""

import copy
import secrets
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from sqlalchemy import BindParameter, ClauseElement, Connection, Dialect, Engine, Table, and_, bindparam
from sqlalchemy import String as Text
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.types import NullType

from twofold.messages import sees_every_tenant
from twofold.sql._lent import LentConnection, ReadingConnection
from twofold.sql._tenant_id import ForeignRow, TenantId, own_tenant, tenant_column_of


class TenantConnection(Connection):
    """A connection whose statements are about one tenant, wherever a message does not see all of them.

    Args:
        engine: What it belongs to.
        lent: The store's connection.
        guarded: The dialect of the engine, with the compiler of `guarding`.
    """

    def __init__(self, engine: Engine, lent: LentConnection, guarded: Dialect) -> None:
        self._guarded = guarded
        self._lent = lent
        super().__init__(engine, lent)

    @property
    def dialect(self) -> Dialect:
        """What a statement is compiled with; SQLAlchemy keeps what is compiled by its dialect."""
        return self.engine.dialect if sees_every_tenant() else self._guarded

    @dialect.setter
    def dialect(self, _: Dialect) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]  # it is read alone
        """Nothing: SQLAlchemy says which one its engine has."""

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Let go of a connection that was interrupted; not of one that reads, whose next statement is on its own."""
        if not isinstance(self._lent, ReadingConnection):
            super().invalidate(exception)


def guarding(dialect: Dialect) -> Dialect:
    """A dialect of its own, with a compiler that guards the rows of tenants."""
    dialect.statement_compiler = type("OneTenant", (_Guarding, dialect.statement_compiler), {})
    return dialect


class _Guarding:
    guards_tenants = True

    def visit_table(self, table: Any, asfrom: bool = False, iscrud: bool = False, **options: Any) -> str:
        plain: str = _super(self).visit_table(table, asfrom=asfrom, iscrud=iscrud, **options)
        column = _column_of(table)
        if column is None or not asfrom or iscrud or options.get("ashint"):
            return plain
        compiler: Any = self
        name = compiler.preparer.format_table(table, use_schema=options.get("use_schema", True))
        rows = f"(SELECT * FROM {name} WHERE {compiler.preparer.quote(column.name)} = {compiler.process(_OWN)})"  # noqa: S608  # names are quoted
        around = options.get("enclosing_alias")
        if around is not None and around.element is table:
            return rows
        called: str = plain.removeprefix(name)
        if not called:
            called = compiler.get_render_as_alias_suffix(compiler.preparer.quote(table.name))
        return f"{rows}{called}"

    def visit_update(self, update_stmt: Any, *arguments: Any, **options: Any) -> str:
        column = _column_of(update_stmt.table)
        if column is not None:
            compiler: Any = self
            if column.key in {*_names(update_stmt._values or ()), *(compiler.column_keys or ())}:
                _refuse("a row stays with its tenant")
            update_stmt = _of_own(update_stmt, column)
        text: str = _super(self).visit_update(update_stmt, *arguments, **options)
        return text

    def visit_delete(self, delete_stmt: Any, *arguments: Any, **options: Any) -> str:
        column = _column_of(delete_stmt.table)
        if column is not None:
            delete_stmt = _of_own(delete_stmt, column)
        text: str = _super(self).visit_delete(delete_stmt, *arguments, **options)
        return text

    def visit_insert(self, insert_stmt: Any, *arguments: Any, **options: Any) -> str:
        column = _column_of(insert_stmt.table)
        if column is not None:
            if insert_stmt.select is not None or insert_stmt._prefixes:
                _refuse("rows of a tenant are inserted by their values")
            for value in _values_of(insert_stmt, column):
                if isinstance(value, ClauseElement) and not _is_checked(value):
                    _refuse("the tenant of a row is a value, not an expression")
        text: str = _super(self).visit_insert(insert_stmt, *arguments, **options)
        return text

    def visit_on_conflict_do_update(self, on_conflict: Any, **options: Any) -> str:
        compiler: Any = self
        column = _column_of(compiler.stack[-1]["selectable"].table)
        if column is not None:
            if column.key in _names(dict(on_conflict.update_values_to_set)):
                _refuse("a row stays with its tenant")
            where = on_conflict.update_whereclause
            on_conflict = copy.copy(on_conflict)
            own = column == _OWN
            on_conflict.update_whereclause = own if where is None else and_(own, Grouping(where))
        text: str = _super(self).visit_on_conflict_do_update(on_conflict, **options)
        return text


def _super(compiler: Any) -> Any:
    return super(_Guarding, compiler)


def _column_of(entity: Any) -> Any:
    table: Any = entity
    return tenant_column_of(table) if isinstance(entity, Table) else None


def _of_own(statement: Any, column: Any) -> Any:
    """The statement, about rows of the own tenant alone, whatever its other conditions are when written out."""
    own = statement.where(column == _OWN)
    own._where_criteria = tuple(Grouping(one) for one in own._where_criteria)
    return own


def _names(keys: Iterable[Any]) -> Iterator[str]:
    return (key if isinstance(key, str) else key.key for key in keys)


def _values_of(statement: Any, column: Any) -> Iterator[Any]:
    rows: list[Any] = [statement._values or {}, *(row for rows in statement._multi_values for row in rows)]
    for row in rows:
        if not hasattr(row, "items"):
            _refuse("rows of a tenant are inserted by the names of their columns")
        yield from (value for key, value in row.items() if column.key in _names([key]))


def _is_checked(value: Any) -> bool:
    return isinstance(value, BindParameter) and isinstance(_untyped(value).type, TenantId | NullType)


def _untyped(thing: Any) -> Any:
    return thing


def _refuse(why: str) -> NoReturn:
    raise ForeignRow(why)


# A value by this name would take the place of the own tenant, so it is one that nobody hits upon.
_OWN = bindparam(f"twofold_tenant_{secrets.token_hex(8)}", type_=Text(), callable_=own_tenant)
