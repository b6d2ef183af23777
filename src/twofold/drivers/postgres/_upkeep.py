"""The schema that a store is in: made and brought up to date, and proven fit before anything is kept in it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar, final

from twofold.drivers.postgres._connection import Connection, Server
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._ordering import Ordering, order, prove_ordered
from twofold.drivers.postgres._place import opening
from twofold.drivers.postgres._pool import Pool
from twofold.drivers.postgres._row_security import prove_secure
from twofold.drivers.postgres._schema import prove_current, state, upgrade, upgrade_sql
from twofold.drivers.postgres._sound import prove_isolation, prove_sound
from twofold.store import SchemaState

T = TypeVar("T")


@final
class Upkeep:
    """Sees to the schema of one store.

    Args:
        server: Where it is.
        names: What its tables are called.
        ordering: In which order commits are to become visible; None for whatever its log has.
        migrates: Whether a store that opens makes and upgrades its tables.
        read_only: Whether the store only reads.
        patience: How long a connection that is given back may take to close, in seconds.
    """

    __slots__ = ("_names", "_ordering", "_patience", "_read_only", "_server", "migrates")

    def __init__(
        self,
        server: Server,
        names: Names,
        ordering: Ordering | None,
        *,
        migrates: bool,
        read_only: bool,
        patience: float,
    ) -> None:
        self._server = server
        self._names = names
        self._ordering: Ordering | None = ordering
        self._read_only = read_only
        self._patience = patience
        self.migrates = migrates
        """Whether a store that opens makes and upgrades its tables."""

    async def state(self) -> SchemaState:
        """How far the tables are; changes nothing.

        Raises:
            StoreUnavailable: The database cannot be reached.
        """
        return await self._alone(state)

    async def upgrade(self) -> SchemaState:
        """Bring the tables up to date, with the ordering of their log, and tell how far they were.

        Raises:
            StoreUnavailable: The database cannot be reached.
            WiringError: A newer twofold made them.
        """
        return await self._alone(self._upgrade)

    def sql(self, since: int) -> str:
        """What `upgrade` runs on a schema that has taken so many steps; empty when that is all of them.

        Raises:
            WiringError: There is no such step.
        """
        return upgrade_sql(self._names, since, self._ordering)

    async def prepare(self, writer: Connection) -> None:
        """Have the tables there that a store opens, on a connection that writes.

        Raises:
            WiringError: A newer twofold made them; or they are behind, and nobody may upgrade them here.
        """
        await prove_isolation(writer)
        if self.migrates:
            await upgrade(writer, self._names, self._ordering)
        else:
            (await state(writer, self._names)).refuse_other()

    async def prove(self, reader: Connection) -> None:
        """See to it that readers would miss nothing, on a connection that reads.

        Raises:
            StoreUnavailable: The store only reads, and has no tables yet.
            WiringError: Something in the database would have them miss events, or see those of other tenants.
        """
        await prove_isolation(reader)
        await prove_secure(reader)
        if self._read_only:
            await prove_current(reader, self._names)
        await prove_sound(reader, self._names)
        if self._ordering is not None:
            await prove_ordered(reader, self._names, self._ordering)

    async def _upgrade(self, connection: Connection, names: Names) -> SchemaState:
        found = await upgrade(connection, names, self._ordering)
        if self._ordering is not None:
            await order(connection, names, self._ordering)
        return found

    async def _alone(self, work: Callable[[Connection, Names], Awaitable[T]]) -> T:
        """Do something on a connection of its own, whether the store is open or not."""
        connections = Pool(self._server.connect, 1, self._server.connect_timeout)
        connections.open()
        try:
            with opening(self._server.dsn):
                async with connections.lent() as connection:
                    return await work(connection, self._names)
        finally:
            await connections.close("it was for one piece of work", self._patience)
