"""The sessions that handlers are given, and what a driver must offer so that they can be made.

Asking for a session costs next to nothing and begins nothing; the first statement does. No session ends the unit
of work that it belongs to:

- `commit()` flushes; the rows are committed with the events of the unit, or not at all.
- `rollback()` undoes what this session wrote since it began or last committed, and so does a flush that fails; the
  unit commits no more, since its events would come without their rows. A projection's goes on: it records none.
- `close()` lets go of the objects; rows that were flushed stay with the unit.
- `begin_nested()` is a savepoint, as usual.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, cast

from sqlalchemy import Connection, Dialect, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.util import IdentitySet

from twofold.errors import WiringError
from twofold.sql._versioned import RowConflict, state_of, taken_among, versions_of
from twofold.store import Transaction


class ReadSession(AsyncSession):
    """The session of a query handler. The database itself refuses whatever it might write."""


class BlockingReadSession(Session):
    """The session of a query handler that is a plain `def`. The database itself refuses whatever it might write."""


class BlockingWriteSession(Session):
    """The session of a unit of work, for a plain `def`; handlers ask for it as `Session`.

    The unit may open parts, for the commands that a handler sends; `commit`, `rollback` and `close` stay within
    the part.
    """

    lost = False
    """Whether what it held was rolled back, and not only a part or a savepoint of it."""

    decided: IdentitySet
    """New objects that were made because nothing had their keys: whoever finds one taken is to decide again."""

    _parts: tuple[SessionTransaction, ...] = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.decided = IdentitySet()

    def commit(self) -> None:
        """Flush. The unit of work commits."""
        if self._parts:
            self.flush()
        else:
            super().commit()

    def rollback(self) -> None:
        """Undo what was written in this part, or since the session began or last committed."""
        if self._parts:
            self.undo()
            self.savepoint()
        else:
            super().rollback()

    def close(self) -> None:
        """Let go of all objects. What was flushed stays with the unit of work."""
        if self._parts:
            self.expunge_all()
        else:
            super().close()

    def reset(self) -> None:
        """The same as `close`."""
        self.close()

    def flush(self, objects: Any = None) -> None:
        """Send what is pending.

        Raises:
            RowConflict: A row with a version is not at the one that it was read at, or one that is new is there.
        """
        versions = versions_of((*self.dirty, *self.deleted))
        new = self.decided & self.new if self.decided else ()
        try:
            super().flush(objects)
        except IntegrityError as error:
            taken = self._taken(new)
            if not taken:
                raise
            raise RowConflict(taken) from error
        except StaleDataError as error:
            if not versions:
                raise
            raise RowConflict(versions) from error

    def _taken(self, new: Iterable[object]) -> dict[str, int]:
        """Those of the new rows that are there, found past the transaction of this session, which has failed."""
        connection = cast("Connection", self.bind)
        within = connection.in_transaction()
        try:
            return taken_among(new, connection)
        finally:
            if not within:
                connection.rollback()

    def savepoint(self) -> None:
        """Begin a part that can be undone alone, whoever writes in it."""
        self._parts = (*self._parts, self.begin_nested())
        self.connection()  # SQLAlchemy would make the savepoint at this session's own next statement

    def release(self) -> None:
        """Keep the innermost part."""
        *outer, part = self._parts
        self._parts = tuple(outer)
        part.commit()

    def undo(self) -> None:
        """Undo the innermost part."""
        *outer, part = self._parts
        self._parts = tuple(outer)
        part.rollback()
        for one in self:
            # What was undone is not known any more, and who awaits could not read it by looking at an attribute.
            if state_of(one).expired:
                self.refresh(one)


@event.listens_for(BlockingWriteSession, "after_rollback")
def _lost(session: Session) -> None:
    # Also told when a flush has failed; a savepoint that is rolled back is still the session's innermost one here.
    if not session.in_nested_transaction():
        cast("BlockingWriteSession", session).lost = True


class WriteSession(AsyncSession):
    """The session of a unit of work; handlers ask for it as `AsyncSession`."""

    sync_session_class = BlockingWriteSession

    @property
    def lost(self) -> bool:
        """Whether what it held was rolled back, and not only a part or a savepoint of it."""
        return cast("BlockingWriteSession", self.sync_session).lost

    def decide(self, entity: object) -> None:
        """Add an object; a conflict when it is new, and its key is taken once it is written."""
        self.add(entity)
        if entity in self.new:
            cast("BlockingWriteSession", self.sync_session).decided.add(entity)

    async def close(self) -> None:
        """Let go of all objects, without a word to the database."""
        self.sync_session.close()

    async def reset(self) -> None:
        """The same as `close`."""
        self.sync_session.close()

    async def savepoint(self) -> None:
        """Begin a part that can be undone alone."""
        await self.run_sync(_parted, BlockingWriteSession.savepoint)

    async def release(self) -> None:
        """Keep the innermost part."""
        await self.run_sync(_parted, BlockingWriteSession.release)

    async def undo(self) -> None:
        """Undo the innermost part."""
        await self.run_sync(_parted, BlockingWriteSession.undo)


def _parted(session: Session, part: Callable[[BlockingWriteSession], None]) -> None:
    part(cast("BlockingWriteSession", session))


class SessionRolledBack(WiringError):
    """The session of a unit of work was rolled back whole, and its handler answered with a Success all the same."""

    code: ClassVar[str] = "session_rolled_back"

    def __init__(self) -> None:
        super().__init__("the session was rolled back, and what it held is lost: nothing of the command was committed")

    @property
    def hint(self) -> str:
        return "write what may be refused in `session.begin_nested()`, or let the error end the command"


class WriteRefused(WiringError):
    """A read session was asked to write, and the database refused.

    Args:
        statement: The SQL that was refused.
    """

    code: ClassVar[str] = "write_refused"

    def __init__(self, statement: str) -> None:
        super().__init__()
        self.statement = statement

    @property
    def detail(self) -> str:
        return f"a read session cannot write, the database refused: {self.statement}"

    @property
    def hint(self) -> str:
        return "queries only read; change state in a command handler"


class Sessions(Protocol):
    """Makes the sessions of one store; the pipeline has one for each store."""

    @property
    def dialect(self) -> Dialect:
        """What SQLAlchemy knows of the database."""
        ...

    def write(self, transaction: Transaction) -> WriteSession:
        """A session whose statements run inside the transaction."""
        ...

    def write_blocking(self, transaction: Transaction) -> BlockingWriteSession:
        """The same for a plain `def`; its statements work only where `bound` says."""
        ...

    def read(self) -> ReadSession:
        """A session that cannot write. Each statement sees what was committed when it began."""
        ...

    def read_blocking(self) -> BlockingReadSession:
        """The same for a plain `def`; its statements work only where `bound` says, and all see the same."""
        ...

    def bound(self, connection: Any) -> AbstractContextManager[None]:
        """Let blocking sessions use this connection, in this thread, until the block ends.

        Args:
            connection: The driver's own, as `Transaction.run` and `Store.read` hand it to their function: a `def`
                handler runs whole inside one such function, and inside this block.
        """
        ...
