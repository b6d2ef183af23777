"""Single statements for the tables beside the log, each on a connection that is lent for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._pool import Pool


@final
@dataclass(frozen=True, slots=True)
class Fetch:
    """Sends statements, and gives their rows.

    Args:
        readers: Connections to read with.
        writers: Connections to write with.
        names: What is called how.
        timeout: How long to wait for an answer, in seconds.
    """

    readers: Pool
    writers: Pool
    names: Names
    timeout: float

    async def read(self, query: str, *values: Any) -> Sequence[Any]:
        """The rows of a query."""
        return await self._rows(self.readers, query, values)

    async def write(self, query: str, *values: Any) -> Sequence[Any]:
        """Change something; the rows that it returns."""
        return await self._rows(self.writers, query, values)

    async def _rows(self, pool: Pool, query: str, values: Sequence[Any]) -> Sequence[Any]:
        async with pool.lent() as connection:
            return await connection.fetch(self.names.sql(query), *values, timeout=self.timeout)
