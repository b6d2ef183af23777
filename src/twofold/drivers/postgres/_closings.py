"""Closing streams: one call of a function in the database, by a role that may take events out of the log."""

from typing import Final, final

import asyncpg

from twofold.drivers.postgres._audit import entries_as_json
from twofold.drivers.postgres._fetch import Fetch
from twofold.errors import Forbidden, StreamClosed, VersionConflict
from twofold.store import AuditEntry, Closing

_CLOSED: Final = 1 << 62
"""What is added to the version of a stream that is closed, in the answers of the database."""


@final
class PostgresClosings:
    """The closed streams of one schema.

    Args:
        fetch: Where its statements go.
    """

    __slots__ = ("_fetch",)

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def close(self, closing: Closing, entry: AuditEntry) -> None:
        """Take a stream's events away for good, with what hangs on them, and add the entry that tells of it.

        Raises:
            VersionConflict: The stream is not at that version.
            StreamClosed: It was closed before.
            Forbidden: The role of this address may not do that.
        """
        values = closing.stream, closing.version, closing.how, closing.time, entries_as_json([entry])
        try:
            found: int = (await self._fetch.write(_CLOSE, *values))[0][0]
        except asyncpg.InsufficientPrivilegeError as error:
            text = f"the role of this address may not take events out of the log: {error}"
            raise Forbidden(text) from error
        if found < 0:
            raise not_at(closing.stream, closing.version, -1 - found)

    async def find(self, stream: str) -> Closing | None:
        """How a stream was closed."""
        found = await self._fetch.read(_FIND, stream)
        return Closing(**found[0]) if found else None


def not_at(stream: str, expected: int, found: int) -> VersionConflict | StreamClosed:
    """Why nothing is appended to a stream.

    Args:
        stream: The stream.
        expected: The version that it was expected at.
        found: What the database says that it is at.
    """
    if found >= _CLOSED:
        return StreamClosed(stream=stream)
    return VersionConflict(stream=stream, expected=expected, actual=found)


_CLOSE: Final = "SELECT {schema}.twofold_close($1, $2, $3, $4, $5::jsonb)"
_FIND: Final = "SELECT stream, version, how, time FROM {schema}.twofold_closings WHERE stream = $1"
