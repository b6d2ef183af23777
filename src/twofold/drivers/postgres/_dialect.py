"""SQLAlchemy's asyncpg dialect over a connection that belongs to the store.

A statement is prepared once for each connection, and its rows are fetched at once. Every statement goes through the
store, which knows whether the connection is still the session's to use.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection, PGDialect_asyncpg

from twofold.drivers.postgres._faults import leave_out_values, not_held
from twofold.drivers.postgres._row_security import is_refusal, show
from twofold.errors import WiringError
from twofold.sql import Fetched, ForeignRow, LentConnection, ReadingConnection, WriteRefused

T = TypeVar("T")


class Reach(Protocol):
    """Runs a function with the connection, waits for what it awaits, and gives what it returns."""

    def __call__(self, work: Callable[[Any], Awaitable[T]], /) -> T: ...


class LoopDialect(PGDialect_asyncpg):
    """PostgreSQL through connections of the store's, in the event loop that they belong to.

    Args:
        version: The server's major version; what SQLAlchemy would ask the first connection of an engine for.
    """

    driver = "twofold"
    supports_statement_cache = True
    supports_native_json_deserialization = False  # asyncpg gives JSON as text, which the driver's own statements need

    def __init__(self, version: int = 14) -> None:
        untyped: Any = super()
        untyped.__init__(dbapi=untyped.import_dbapi())
        self.server_version_info = (version, 0)
        self.supports_virtual_generated_columns = version >= 18
        self.default_schema_name = "public"
        self._adapted: dict[Any, Any] = {}

    def adapted(self, connection: Any) -> Any:
        """What keeps the prepared statements of a connection; it never begins a transaction."""
        adapted = self._adapted.get(connection)
        if adapted is None:
            untyped: Any = AsyncAdapt_asyncpg_connection
            adapted = self._adapted[connection] = untyped(self.dbapi, connection)
            connection.add_termination_listener(self._forget)
        return adapted

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Never: the store knows which of its connections are lost."""
        return False

    def do_savepoint(self, connection: Any, name: str) -> None:
        """Make a savepoint."""
        connection.connection.command(f"SAVEPOINT {name}")

    def do_release_savepoint(self, connection: Any, name: str) -> None:
        """Keep what was written since a savepoint."""
        connection.connection.command(f"RELEASE {name}")

    def do_rollback_to_savepoint(self, connection: Any, name: str) -> None:
        """Roll back to a savepoint, unless the session is only letting go."""
        if not connection.connection.returning:
            connection.connection.command(f"ROLLBACK TO {name}", undoes=True)

    def _forget(self, connection: Any) -> None:
        self._adapted.pop(connection, None)


class LoopConnection(LentConnection):
    """A connection of the store's, in the event loop.

    Args:
        dialect: What keeps its prepared statements.
        reach: How to get to the connection.
        savepoint: What a rollback goes back to; None for a reader, which has nothing to undo.
        begun: Whether its transaction has begun. A session that begins it needs no savepoint: it can begin anew. So
            the store must write nothing when it begins a transaction.
        lasting: Whether a reader has one transaction for all statements, which is begun anew after an error.
        alone: How to get to it for a query that needs no transaction around it; None for a connection that has one.
    """

    def __init__(
        self,
        dialect: LoopDialect,
        reach: Reach,
        savepoint: str | None = None,
        begun: Callable[[], bool] = lambda: True,
        lasting: bool = False,
        alone: Reach | None = None,
    ) -> None:
        super().__init__()
        self.dialect = dialect
        self._reach = reach
        self._savepoint = savepoint
        self._begun = begun
        self._lasting = lasting
        self._alone = alone
        self._way_back = _ANEW

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A cursor, as SQLAlchemy takes it."""
        return LoopCursor(self)

    def run(self, work: Callable[[Any], Awaitable[T]], statement: str) -> T:
        """Run a function that executes a statement with the connection.

        Raises:
            WriteRefused: The connection only reads, and the statement would have written.
            Invalid: It has text or a number that PostgreSQL cannot hold.
            ForeignTenant: The statement would have written a row of another tenant, and row security refused it.
        """
        begun = self._begun()

        async def reading(connection: Any) -> T:
            try:
                return await work(connection)
            except asyncpg.PostgresError as error:
                leave_out_values(error)
                self.saved = self._lasting
                if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                    raise WriteRefused(statement) from error
                raise

        async def writing(connection: Any) -> T:
            if not self.saved:
                if begun:
                    await connection.execute(f"SAVEPOINT {self._savepoint}")
                    self._way_back = f"ROLLBACK TO {self._savepoint}; RELEASE {self._savepoint}"
                else:
                    self._way_back = _ANEW
                self.saved = True
            try:
                return await work(connection)
            except asyncpg.InsufficientPrivilegeError as error:
                if is_refusal(error):
                    raise ForeignRow("this belongs to another tenant") from error
                raise

        try:
            if self._alone is not None and _QUERY.match(statement):
                return self._alone(reading)
            return self._reach(reading if self._savepoint is None else writing)
        except Exception as error:  # it is raised again, under the name that SQLAlchemy knows
            leave_out_values(error)  # of a blocking session nobody else does
            if (invalid := not_held(error)) is not None:
                raise invalid from error
            return AsyncAdapt_asyncpg_connection._handle_exception_no_connection(self.dialect.dbapi, error)

    def leaves_something(self, statement: str) -> bool:
        """Whether what a statement leaves may outlast its transaction, which of a reader is rolled back.

        What a function of the user's own leaves does not show in the statement that calls it.
        """
        return _outlasts(statement, undone=self._savepoint is None)

    def command(self, command: str, *, undoes: bool = False) -> None:
        """Execute a command of the session's own.

        Args:
            command: The command.
            undoes: Whether it undoes something, with what the transaction has said of itself meanwhile.
        """

        async def work(connection: Any) -> None:
            await connection.execute(command)
            if undoes:
                connection.shows = ""

        self.run(work, command)

    def undo(self) -> None:
        """Undo what was written since the savepoint, or since the transaction began."""

        async def work(connection: Any) -> None:
            await connection.execute(self._way_back)
            connection.shows = ""

        self._reach(work)


class LoopReader(LoopConnection, ReadingConnection):
    """A connection that reads, from the event loop.

    Args:
        dialect: What keeps its prepared statements.
        reach: How to get to the connection.
        alone: How to get to it for a query that needs no transaction around it.
        read: The same, for whoever awaits.
    """

    def __init__(self, dialect: LoopDialect, reach: Reach, alone: Reach, read: Callable[[Any], Awaitable[Any]]) -> None:
        super().__init__(dialect, reach, alone=alone)
        self._read = read

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        """The rows of a SELECT; None when it failed, or needs a transaction."""
        if _QUERY.match(statement) is None:
            return None

        async def work(connection: Any) -> Any:
            try:
                await show(connection)
                prepared, _ = await self.dialect.adapted(connection)._prepare(statement, 0.0)
                return await prepared.fetch(*parameters)
            except (asyncpg.PostgresError, asyncpg.InterfaceError):
                return None

        rows: Sequence[Any] | None = await self._read(work)
        return rows


class LoopCursor(Fetched):
    """A cursor on a connection of the store's."""

    __slots__ = ("_invalidate_schema_cache_asof",)
    lent: LoopConnection

    def __init__(self, lent: LoopConnection) -> None:
        super().__init__(lent)
        self._invalidate_schema_cache_asof = 0.0  # SQLAlchemy sets it

    def execute(self, statement: str, parameters: Any = ()) -> None:
        """Execute, and fetch all rows.

        Raises:
            WiringError: The statement would end the transaction, or change the connection for those who come later.
        """

        async def work(connection: Any) -> Any:
            adapted = self.lent.dialect.adapted(connection)
            prepared, attributes = await adapted._prepare(statement, self._invalidate_schema_cache_asof)
            rows: Sequence[Any] = await prepared.fetch(*(parameters or ()))
            self.description = [(a.name, a.type.oid, None, None, None, None, None) for a in attributes] or None
            count = prepared.get_statusmsg().rpartition(" ")[2]
            self.rowcount = int(count) if count.isdigit() else -1
            return rows

        self.keep(self._run(work, statement))

    def executemany(self, statement: str, parameters: Sequence[Any]) -> None:
        """Execute once for each set of parameters.

        Raises:
            WiringError: The statement would end the transaction, or change the connection for those who come later.
        """
        self._run(lambda connection: connection.executemany(statement, parameters), statement)

    def _run(self, work: Callable[[Any], Awaitable[T]], statement: str) -> T:
        """Run a function that executes SQL of the user's."""
        forbidden = _FORBIDDEN.match(statement)
        if forbidden is not None:
            raise WiringError(f"the connection of a session belongs to the store, which refuses: {forbidden[0]}")
        lasts = self.lent.leaves_something(statement)

        async def marked(connection: Any) -> T:
            connection.touched |= lasts
            await show(connection)
            return await work(connection)

        return self.lent.run(marked, statement)


@lru_cache(maxsize=1024)
def _outlasts(statement: str, *, undone: bool) -> bool:
    locks = _LOCKS.search(statement) is not None
    return locks if undone else locks or _PLAIN.match(statement) is None or _LASTING.search(statement) is not None


_ANEW = "ROLLBACK AND CHAIN"
_BEFORE = r"(?:\s|--[^\n]*\n|/\*.*\*/)*"
_LOCKS = re.compile(r"\bpg_(?:try_)?advisory_lock", re.IGNORECASE)
_LASTING = re.compile(r"\bset_config\b|\bINTO\s+(?:LOCAL\s+|GLOBAL\s+)?TEMP", re.IGNORECASE)
_PLAIN = re.compile(
    rf"{_BEFORE}(?:SELECT|WITH|VALUES|TABLE|SHOW|INSERT|UPDATE|DELETE|MERGE|LOCK|SET)\b", re.IGNORECASE | re.DOTALL
)
_QUERY = re.compile(r"\s*(?:SELECT|WITH)\b(?!.*\b(?:set_config|pg_(?:try_)?advisory_lock))", re.IGNORECASE | re.DOTALL)
# What it sets would be there for whoever has the connection next; a procedure could end the transaction.
_FORBIDDEN = re.compile(
    rf"{_BEFORE}"
    r"(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE|DEALLOCATE|DISCARD|RESET"
    r"|SET(?!\s+(?:LOCAL|CONSTRAINTS)\b))\b",
    re.IGNORECASE | re.DOTALL,
)
