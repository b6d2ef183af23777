"""How sessions come to handlers: as dependencies of a message, joined to its unit of work.

The application loads this when one of its handlers may ask for a session.
"""

import contextvars
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from dishka import Provider, Scope
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from twofold.dispatch import Handler, Runner
from twofold.sql._sessions import BlockingReadSession, ReadSession, Sessions, WriteSession
from twofold.store import Participant, Store, Transaction, UnitOfWork, current_unit

WRITING = (AsyncSession, Session)
"""What only commands and reactions may ask for."""

AWAITED = (AsyncSession, ReadSession)
"""What only an `async def` can use."""

BLOCKING = (Session, BlockingReadSession)
"""What only a `def` can use."""


class SqlPart:
    """The sessions of one unit of work; a `Participant`.

    Args:
        sessions: Makes them.
        transaction: The unit's transaction.
    """

    def __init__(self, sessions: Sessions, transaction: Transaction) -> None:
        self._sessions = sessions
        self._transaction = transaction
        self._session: WriteSession | None = None
        self._blocking: Session | None = None

    @property
    def session(self) -> WriteSession:
        """The session for code that awaits."""
        if self._session is None:
            self._session = self._sessions.write(self._transaction)
        return self._session

    @property
    def blocking(self) -> Session:
        """The session for a plain `def`."""
        if self._blocking is None:
            self._blocking = self._sessions.write_blocking(self._transaction)
        return self._blocking

    async def flush(self) -> None:
        """Send what is pending."""
        session = self._session
        if session is not None and (session.new or session.dirty or session.deleted):
            await session.flush()
        await self._with_blocking(Session.flush)

    async def savepoint(self) -> None:
        """Begin a part that can be undone alone."""
        await self._with_blocking(Session.flush)
        await self.session.savepoint()

    async def release(self) -> None:
        """Keep the innermost part."""
        await self._with_blocking(Session.flush)
        await self.session.release()

    async def undo(self) -> None:
        """Undo the innermost part."""
        await self.session.undo()
        if self._blocking is not None:
            self._blocking.close()

    async def close(self) -> None:
        """Let go of all objects."""
        if self._session is not None:
            await self._session.close()
        if self._blocking is not None:
            self._blocking.close()

    async def _with_blocking(self, work: Callable[[Session], Any]) -> None:
        session = self._blocking
        if session is not None:

            def run(connection: Any) -> None:
                with self._sessions.bound(connection):
                    work(session)

            await self._transaction.run(run)


def sql_provider(sessions: Sessions) -> Provider:
    """What lets handlers, and what they depend on, ask for sessions.

    Args:
        sessions: Makes the sessions of the application's store.
    """

    def part(unit: UnitOfWork) -> SqlPart:
        joined: Participant = unit.participant(lambda transaction: SqlPart(sessions, transaction))
        if not isinstance(joined, SqlPart):
            raise TypeError(f"the unit of work is joined by {type(joined).__qualname__}, which has no session")
        return joined

    def write(joined: SqlPart) -> AsyncSession:
        return joined.session

    def write_blocking(joined: SqlPart) -> Session:
        return joined.blocking

    async def read() -> AsyncGenerator[ReadSession]:
        async with sessions.read() as session:
            yield session

    def read_blocking() -> Generator[BlockingReadSession]:
        with sessions.read_blocking() as session:
            yield session

    provider = Provider(scope=Scope.REQUEST)
    for source, wanted in (
        (part, SqlPart),
        (write, AsyncSession),
        (write_blocking, Session),
        (read, ReadSession),
        (read_blocking, BlockingReadSession),
    ):
        provider.provide(source, provides=wanted)
    return provider


def session_runner(
    sessions: Sessions, store: Store, reaches: Callable[[Handler, object], bool]
) -> Callable[[Handler], Runner | None]:
    """Where a `def` handler with a session runs: whole, where the connection of its session is.

    Args:
        sessions: Makes the sessions.
        store: Whose connections they use.
        reaches: Whether a handler depends on a type.
    """

    async def in_unit(call: Callable[[], Any]) -> Any:
        unit = current_unit()
        if unit is None:
            raise TypeError("a session that writes was asked for outside a unit of work")
        return await unit.transaction.run(_bound(call))

    async def in_reader(call: Callable[[], Any]) -> Any:
        return await store.read(_bound(call))

    def _bound(call: Callable[[], Any]) -> Callable[[Any], Any]:
        context = contextvars.copy_context()

        def run(connection: Any) -> Any:
            with sessions.bound(connection):
                return context.run(call)

        return run

    def runner(handler: Handler) -> Runner | None:
        if handler.is_async:
            return None
        if reaches(handler, Session):
            return in_unit
        return in_reader if reaches(handler, BlockingReadSession) else None

    return runner
