"""In which order commits become visible. The database itself keeps that, so that all processes on it agree.

By the floor, commits end in any order, and the store's own readers ask how far they may read. In strict order they end
in the order of their positions: that is for readers of other origin, who ask for what is behind the last position that
they saw, and it has writers wait for each other.
"""

from typing import Any, Final, Literal, TypeAlias, get_args

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names
from twofold.errors import FaultError, WiringError

Ordering: TypeAlias = Literal["floor", "strict"]


def prove_ordering(named: Any) -> None:
    """Prove that there is such an ordering; None is for that of the database.

    Raises:
        WiringError: There is none.
    """
    if named is not None and named not in get_args(Ordering):
        raise WiringError(f"a PostgreSQL store cannot have ordering={named!r}")


async def order(connection: Connection, names: Names, wanted: Ordering) -> None:
    """Order commits like this from now on, in all processes; waits for those that have begun to append."""
    await connection.execute(names.sql(_ORDER), wanted)


async def prove_ordered(connection: Connection, names: Names, wanted: Ordering) -> None:
    """Prove that a database orders its commits as a process expects.

    Raises:
        FaultError: It does not.
    """
    found: Ordering = "strict" if await connection.fetchval(names.sql(_STRICT)) else "floor"
    if found != wanted:
        raise FaultError(
            where="the database",
            code="other_ordering",
            text=f"orders its commits by ordering={found}, and this process expects ordering={wanted}",
            hint="`twofold db upgrade` with the address of this process changes it for all",
        )


_STRICT: Final = "SELECT {schema}.twofold_strict()"
_ORDER: Final = (
    "SELECT {schema}.twofold_order(wanted) FROM (VALUES ($1::text)) AS given (wanted)"
    " WHERE {schema}.twofold_strict() <> (wanted = 'strict')"
)
