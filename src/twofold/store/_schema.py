"""How far a database's own tables are, and the ability of stores that keep them: numbered steps, taken in order."""

from typing import NamedTuple, Protocol, runtime_checkable

from twofold.errors import WiringError


class SchemaState(NamedTuple):
    """How many steps a database has taken, of those that this twofold knows.

    Args:
        taken: How many it has taken; 0 for one without tables.
        known: How many there are.
    """

    taken: int
    known: int

    @property
    def behind(self) -> bool:
        """Whether there is something to upgrade."""
        return self.taken < self.known

    @property
    def newer(self) -> bool:
        """Whether a newer twofold has been here, and this one must leave it alone."""
        return self.taken > self.known

    def refuse_newer(self) -> None:
        """Leave alone what a newer twofold has made.

        Raises:
            WiringError: It has.
        """
        if self.newer:
            raise WiringError(
                f"the database has schema {self.taken}, and this twofold knows {self.known}: upgrade twofold"
            )

    def refuse_other(self) -> None:
        """Refuse what is not as it should be, where nobody may upgrade by the way.

        Raises:
            WiringError: It is behind, or a newer twofold has made it.
        """
        self.refuse_newer()
        if self.behind:
            raise WiringError(
                f"the database has schema {self.taken} of {self.known}, and the store does not upgrade it by itself"
                " (migrate=False): run `twofold db upgrade`"
            )

    def prove_step(self, since: int) -> None:
        """Prove that there is such a step to begin after.

        Raises:
            WiringError: There is none.
        """
        if not 0 <= since <= self.known:
            raise WiringError(f"there is no step {since} to begin after: this twofold knows {self.known}")


@runtime_checkable
class MigratableStore(Protocol):
    """A store with tables of its own that change from one twofold to the next: an ability that not every store has.

    All of it works on a store that is not started, and starts nothing.
    """

    @property
    def migrates(self) -> bool:
        """Whether `start` upgrades the tables; otherwise it refuses those that are behind."""
        ...

    async def schema(self) -> SchemaState:
        """How far the tables are; changes nothing.

        Raises:
            StoreUnavailable: The database cannot be opened.
        """
        ...

    async def upgrade(self) -> SchemaState:
        """Bring the tables up to date, all or nothing; safe when several processes do it at once.

        Returns:
            How far they were; of several processes, one is told that they were behind.

        Raises:
            StoreUnavailable: The database cannot be opened, or refuses to be written.
            WiringError: A newer twofold made them.
        """
        ...

    def upgrade_sql(self, since: int = 0) -> str:
        """What `upgrade` runs, as SQL for people to read and run; asks no database.

        Args:
            since: How many steps have been taken.

        Returns:
            The SQL; empty when there is nothing to do.

        Raises:
            WiringError: There is no such step.
        """
        ...
