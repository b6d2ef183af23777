"""The session of a query, and the short way to the database for a SELECT of columns.

SQLAlchemy's Session, its Connection and a cursor take more than twice as long as the database and what is in front of
it. Who asks for columns alone needs none of them once SQLAlchemy has compiled the statement: the values of its
parameters, the rows, and what is known of its columns are the whole result. Everything else goes the ordinary way,
and so does what fails, so that it fails as SQLAlchemy says.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from sqlalchemy import Connection, Dialect, Engine, Result, Select
from sqlalchemy.engine import IteratorResult
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Session
from sqlalchemy.util import EMPTY_DICT

from twofold.messages import sees_every_tenant
from twofold.sql._lent import ReadingConnection
from twofold.sql._one_tenant import TenantConnection
from twofold.sql._sessions import ReadSession


class Looker(Session):
    """What is behind the session of a query: no transaction, since each statement reads what is there by then."""

    def _connection_for_bind(self, engine: Any, execution_options: Any = None, **_: Any) -> Connection:
        connection: Connection = engine
        return connection.execution_options(**execution_options) if execution_options else connection

    @property
    def busy(self) -> bool:
        """Whether it has an object or a transaction, was told how to execute, or has somebody who listens to that."""
        options = cast("Connection", self.bind).get_execution_options()
        return bool(self.in_transaction() or self.identity_map or options or self.dispatch.do_orm_execute)

    def close(self) -> None:
        """Let go of all objects; most queries have none, only rows."""
        if self.busy:
            super().close()


class ShortWay:
    """From a statement to its rows, past SQLAlchemy's sessions and connections.

    Args:
        engine: What keeps the statements that were compiled.
        guarded: Its dialect, for those who see the rows of one tenant.
    """

    def __init__(self, engine: Engine, guarded: Dialect) -> None:
        self._engine = engine
        self._guarded = guarded
        self._any_session = Looker()

    async def rows_of(self, statement: Any, params: Any, lent: ReadingConnection) -> Result[Any] | None:
        """What a statement selects; None where the ordinary way has to be gone.

        Args:
            statement: What is to be executed.
            params: The values of its parameters, by name.
            lent: Where to read.
        """
        if not isinstance(statement, Select) or not isinstance(params, dict):
            return None
        plain, by_name = cast("Any", statement), cast("dict[str, Any]", params)
        if plain._propagate_attrs or plain._execution_options or self._is_listened_to():
            return None
        if plain._generate_cache_key() is None:
            return None
        dialect = self._engine.dialect if sees_every_tenant() else self._guarded
        compiled, extracted, collected, _ = plain._compile_w_cache(
            dialect, compiled_cache=self._engine._compiled_cache, column_keys=sorted(by_name)
        )
        columns = compiled._cached_metadata  # not there before a result has come the ordinary way
        if columns is None or compiled.literal_execute_params or compiled.post_compile_params:
            return None
        try:
            ordered = _in_order(compiled, by_name, extracted_parameters=extracted, _collected_params=collected)
        except Exception:  # noqa: BLE001  # the same will happen on the ordinary way
            return None
        rows = await lent.fetch(compiled.string, ordered)
        if rows is None:
            return None
        if compiled.statement is not plain:
            columns = columns._adapt_to_context(_Invoked(compiled, plain))
        return _Rows(columns, iter(rows))

    def _is_listened_to(self) -> bool:
        heard: Any = self._engine
        return bool(self._any_session.dispatch.do_orm_execute or heard._has_events or TenantConnection._has_events)


def _in_order(compiled: Any, params: dict[str, Any], **own: Any) -> list[Any]:
    """The values of a statement as its driver takes them.

    Args:
        compiled: The statement.
        params: The values that it is executed with.
        own: What else SQLAlchemy has found in it.
    """
    values = compiled.construct_params(params, escape_names=False, **own)
    encode = compiled._bind_processors
    return [encode[name](values[name]) if name in encode else values[name] for name in compiled.positiontup]


class QuerySession(ReadSession):
    """The session of a query: nothing is open behind it, so letting go is no work for the loop.

    Args:
        way: How it reads what it can without SQLAlchemy's Session, which is made for everything else.
        lent: Where to read.
        connect: Makes SQLAlchemy's connection of it.
    """

    def __init__(
        self, way: ShortWay, lent: ReadingConnection, connect: Callable[[ReadingConnection], AsyncConnection]
    ) -> None:
        self._way = way
        self._lent = lent
        self._connect = connect

    def __getattr__(self, name: str) -> Any:
        if name not in _MADE_LATER or _MADE_LATER & vars(self).keys():
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}", name=name, obj=self)
        super().__init__(self._connect(self._lent), sync_session_class=Looker, expire_on_commit=False)
        return getattr(self, name)

    async def execute(
        self,
        statement: Any,
        params: Any = None,
        *,
        execution_options: Mapping[str, Any] = EMPTY_DICT,
        bind_arguments: Any = None,
        **options: Any,
    ) -> Result[Any]:
        """Execute a statement, and fetch all rows."""
        made = self._made
        told = execution_options or bind_arguments or options
        if not told and (made is None or not made.busy):
            found = await self._way.rows_of(statement, {} if params is None else params, self._lent)
            if found is not None:
                return found
        options |= {"execution_options": execution_options, "bind_arguments": bind_arguments}
        fetched: Result[Any] = await super().execute(statement, params, **options)
        return fetched

    async def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """The first column of the first row; None without one."""
        found: Any = await self.execute(statement, params, **options)
        return found.scalar()

    async def close(self) -> None:
        """Let go of all objects."""
        if self._made is not None:
            self._made.close()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def _made(self) -> Looker | None:
        return vars(self).get("sync_session")


class _Rows(IteratorResult[Any]):
    """Rows that came the short way, with what the result of a cursor says of a SELECT beside them."""

    returns_rows = True
    rowcount = -1


class _Invoked:
    """What SQLAlchemy looks at to find the columns of one statement in what it knows of another, equal one."""

    __slots__ = ("compiled", "invoked_statement")

    def __init__(self, compiled: Any, statement: Any) -> None:
        self.compiled = compiled
        self.invoked_statement = statement


_MADE_LATER: Final = frozenset({"sync_session", "_proxied"})
