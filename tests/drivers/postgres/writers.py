"""Writers that take their time between their events and the end of their transaction, and sometimes give up."""

import asyncio
import random
from uuid import UUID

from tests.drivers.postgres.conftest import Connect
from twofold.drivers.postgres._append import Calls
from twofold.testing._store_case import append


async def slow_writers(connect: Connect, calling: Calls, writers: int, times: int, *, stall: float = 0.02) -> set[UUID]:
    """Have many write at once, each on a connection of its own.

    Args:
        connect: Opens connections.
        calling: What they send.
        writers: How many there are.
        times: How many transactions each of them makes.
        stall: How long they wait before the end of a transaction at most, in seconds.

    Returns:
        The events that were committed.
    """
    written = set[UUID]()

    async def write(number: int) -> None:
        chance = random.Random(number)
        connection = await connect()
        for _ in range(times):
            batch = append(f"s{chance.randrange(1 + writers // 3)}", chance.randrange(1, 3))
            await connection.execute("BEGIN")
            await calling.of(batch).send(connection)
            await asyncio.sleep(chance.random() * stall)  # the pause is the fault: it makes the window wide
            if chance.random() < 0.1:
                await connection.execute("ROLLBACK")
            else:
                await connection.execute("COMMIT")
                written.update(event.id for event in batch.appends[0].events)

    await asyncio.gather(*map(write, range(writers)))
    return written
