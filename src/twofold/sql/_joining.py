"""How sessions come to handlers: as dependencies of a message, joined to its unit of work.

The application loads this when one of its handlers may ask for a session.
"""

import contextvars
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from typing import Any, Protocol

from dishka import Provider, Scope
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from twofold.dispatch import Handler, Runner
from twofold.sql._sessions import (
    BlockingReadSession,
    BlockingWriteSession,
    ReadSession,
    SessionRolledBack,
    Sessions,
    WriteSession,
)
from twofold.store import Participant, Store, Transaction, UnitOfWork, current_unit

WRITING = (AsyncSession, Session)
"""What only commands and reactions may ask for."""

AWAITED = (AsyncSession, ReadSession)
"""What only an `async def` can use."""

BLOCKING = (Session, BlockingReadSession)
"""What only a `def` can use."""


class Companion(Protocol):
    """What goes along with a row that a session writes."""

    def flushing(self) -> None:
        """The rows of the unit are written now, for the last time."""
        ...

    def undone(self) -> bool:
        """A part of the unit was undone; whether this was of it, and is to be forgotten."""
        ...


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
        self._blocking: BlockingWriteSession | None = None
        self._companions: list[Companion] = []
        self.may_lose = False
        """Whether what its sessions roll back is missed by nobody: no event of the unit tells of it."""

    def follow(self, companion: Companion) -> None:
        """Tell something when rows are written and undone."""
        self._companions.append(companion)

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
        """Send what is pending.

        Raises:
            SessionRolledBack: What a session held is lost.
        """
        self._require_whole()
        for companion in self._companions:
            companion.flushing()
        session = self._session
        if session is not None and (session.new or session.dirty or session.deleted):
            await session.flush()
        await self._with_blocking(Session.flush)

    async def savepoint(self) -> None:
        """Begin a part that can be undone alone.

        Raises:
            SessionRolledBack: What a session held is lost.
        """
        self._require_whole()
        await self._with_blocking(Session.commit)  # what it rolls back from now on is of the part
        await self.session.savepoint()

    async def release(self) -> None:
        """Keep the innermost part.

        Raises:
            SessionRolledBack: What a session held is lost.
        """
        self._require_whole()
        await self._with_blocking(Session.commit)  # its way back ends with the part
        await self.session.release()

    async def undo(self) -> None:
        """Undo the innermost part."""
        await self.session.undo()
        self._companions = [one for one in self._companions if not one.undone()]
        if self._blocking is not None:
            self._blocking.close()
            self._blocking.lost = False

    async def close(self) -> None:
        """Let go of all objects."""
        if self._session is not None:
            await self._session.close()
        if self._blocking is not None:
            self._blocking.close()

    def _require_whole(self) -> None:
        if not self.may_lose and any(
            session is not None and session.lost for session in (self._session, self._blocking)
        ):
            raise SessionRolledBack

    async def _with_blocking(self, work: Callable[[Session], Any]) -> None:
        session = self._blocking
        if session is not None:

            def run(connection: Any) -> None:
                with self._sessions.bound(connection):
                    work(session)

            await self._transaction.run(run)


def sql_provider(writing: Sessions | None, reading: Sessions | None) -> Provider:
    """What lets handlers, and what they depend on, ask for sessions.

    Args:
        writing: Makes the sessions of units of work; None when their store knows no SQL.
        reading: Makes the sessions that read; of the same store, or of another one.
    """
    provider = Provider(scope=Scope.REQUEST)
    if writing is not None:
        _provide_writing(provider, writing)
    if reading is not None:
        _provide_reading(provider, reading)
    return provider


def _provide_writing(provider: Provider, sessions: Sessions) -> None:
    def part(unit: UnitOfWork) -> SqlPart:
        return part_of(unit, sessions)

    def write(joined: SqlPart) -> AsyncSession:
        return joined.session

    def write_blocking(joined: SqlPart) -> Session:
        return joined.blocking

    provider.provide(part, provides=SqlPart)
    provider.provide(write, provides=AsyncSession)
    provider.provide(write_blocking, provides=Session)


def _provide_reading(provider: Provider, sessions: Sessions) -> None:
    async def read() -> AsyncGenerator[ReadSession]:
        async with sessions.read() as session:
            yield session

    def read_blocking() -> Generator[BlockingReadSession]:
        with sessions.read_blocking() as session:
            yield session

    provider.provide(read, provides=ReadSession)
    provider.provide(read_blocking, provides=BlockingReadSession)


def session_of(sessions: Sessions) -> Callable[[UnitOfWork], WriteSession]:
    """What gives the session of a unit of work to projections and views: they may roll back what they have written.

    Args:
        sessions: Makes the sessions of the unit's store.
    """

    def session(unit: UnitOfWork) -> WriteSession:
        joined = part_of(unit, sessions)
        joined.may_lose = True
        return joined.session

    return session


def part_of(unit: UnitOfWork, sessions: Sessions) -> SqlPart:
    joined: Participant = unit.participant(lambda transaction: SqlPart(sessions, transaction))
    if not isinstance(joined, SqlPart):
        raise TypeError(f"the unit of work is joined by {type(joined).__qualname__}, which has no session")
    return joined


def session_runner(
    writing: Sessions | None, reading: Sessions | None, store: Store, reaches: Callable[[Handler, object], bool]
) -> Callable[[Handler], Runner | None]:
    """Where a `def` handler with a session runs: whole, where the connection of its session is.

    Args:
        writing: Makes the sessions of units of work.
        reading: Makes the sessions that read.
        store: Whose connections these use.
        reaches: Whether a handler depends on a type.
    """

    def runner(handler: Handler) -> Runner | None:
        if handler.is_async:
            return None
        if writing is not None and reaches(handler, Session):
            return partial(_in_unit, writing)
        if reading is not None and reaches(handler, BlockingReadSession):
            return partial(_in_reader, reading, store)
        return None

    return runner


async def _in_unit(sessions: Sessions, call: Callable[[], Any]) -> Any:
    unit = current_unit()
    if unit is None:
        raise TypeError("a session that writes was asked for outside a unit of work")
    return await unit.transaction.run(_bound(sessions, call))


async def _in_reader(sessions: Sessions, store: Store, call: Callable[[], Any]) -> Any:
    return await store.read(_bound(sessions, call))


def _bound(sessions: Sessions, call: Callable[[], Any]) -> Callable[[Any], Any]:
    context = contextvars.copy_context()

    def run(connection: Any) -> Any:
        with sessions.bound(connection):
            return context.run(call)

    return run
