"""The stage that answers a query of what only another version of a projection has, while that one is not live.

Such a query is no bug: it asks for columns that its process declares, and that the live tables lack until its version
has been built, or since a newer one has taken the place. Nothing is looked at before a statement has failed; a mistake
in SQL about such a table is told the same meanwhile. A version that is inline takes the place before its process has
messages, and the processes that it replaces are not ready.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twofold.app._sql import Sql
from twofold.dispatch import Handler, Next, Stage
from twofold.errors import StoreUnavailable, VersionNotLive
from twofold.messages import Context, Kind
from twofold.projections import Projection, standings
from twofold.result import Failure, Result
from twofold.store import Store


def not_live_stage(
    projections: Sequence[Projection], store: Store, sql: Sql, reaches: Callable[[Handler, object], bool]
) -> Stage:
    """The stage, for queries that read tables of projections by a session.

    Args:
        projections: The projections of the application.
        store: The store that queries read.
        sql: What is known of its SQL.
        reaches: Whether a handler depends on a type.
    """
    built = [one for one in projections if one.mode == "async" and one.tables]

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if handler.kind is not Kind.QUERY or not built or not sql.is_read_by(handler, reaches):
            return None

        async def answered(message: Any, context: Context) -> Result[Any, Any]:
            try:
                return await call_next(message, context)
            except Exception as error:
                with suppress(StoreUnavailable):
                    if (found := await _not_live(error, built, store, sql)) is not None:
                        found.__cause__ = error
                        return Failure(found)
                raise

        return answered

    return Stage("not live", wrap)


async def _not_live(
    error: Exception, projections: Sequence[Projection], store: Store, sql: Sql
) -> VersionNotLive | None:
    """Why a query has failed, if its statement asks for a table that is not as this process declares it."""
    statement = "" if sql.reads is None else sql.reads.refused_statement(error)
    if not statement:
        return None
    stand = await standings(store, [one.name for one in projections])
    for one in projections:
        live = stand[one.name].live.version
        if live != one.version and any(name in statement for name in await sql.unreadable(one.tables)):
            return VersionNotLive(name=one.name, version=one.version, live=live)
    return None
