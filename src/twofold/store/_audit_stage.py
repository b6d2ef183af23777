"""The stage that sees to it that every command has an entry in the audit trail, however it ends.

A command that succeeds has its entry committed by its unit of work. Here is written what no commit has carried:
refusals, failures and crashes, once the outermost unit has ended, so that nothing waits for a second transaction inside
of one. Refusals by a limit are only counted here: whoever floods us must not make us write.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, final

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import BulkheadFull, CircuitOpen, Classifier, RateLimited, Unavailable, error_name
from twofold.messages import Catalogue, Context, Kind, redacting
from twofold.result import Result
from twofold.store._audit import CRASHED, SUCCESS, AuditEntry
from twofold.store._audited import About, Record, Trace, tracing
from twofold.store._batch import Batch
from twofold.store._behind import Behind
from twofold.store._current import current_unit
from twofold.store._port import Store
from twofold.store._refusals import LOGGER, Refusals, names_of

_COUNTED: Final = (RateLimited, CircuitOpen, BulkheadFull)


def audit_stage(
    store: Store, catalogue: Catalogue, classifier: Classifier, refusals: Refusals, behind: Behind
) -> Stage:
    """The stage, for commands; for reactions too, since they send commands.

    Args:
        store: Where the trail is.
        catalogue: The messages of the application.
        classifier: Tells what an error means.
        refusals: Counts what a limit refuses, and keeps what cannot be written yet.
        behind: Writes what the answer need not wait for.
    """
    left = _Left(store, refusals, behind)

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if handler.kind is Kind.QUERY:
            return None
        about: About | None = None
        if handler.kind is Kind.COMMAND:
            kind = catalogue.of(handler.message_type)
            about = About(kind.name, kind.wire.version, redacting(kind))

        async def audit(message: Any, context: Context) -> Result[Any, Any]:
            unit = current_unit(catalogue)
            outer = None if unit is None else unit.trace
            own = None if about is None else Record(about, message, context)
            trace = Trace(own)
            token = tracing.set(trace)
            try:
                result = await call_next(message, context)
            except asyncio.CancelledError:
                await left.by(trace, outer, context, "cancelled")
                raise
            except Exception as error:
                await left.by(trace, outer, context, CRASHED, type(error).__qualname__)
                raise
            finally:
                tracing.reset(token)
            if result.is_success:
                if not trace.written:  # which spares a coroutine
                    await left.by(trace, outer, context, SUCCESS)
            elif isinstance(result.error, _COUNTED):
                if about is not None:
                    refusals.add(about, context, *ended_as(result.error, classifier))
                trace.own = None
                await left.by(trace, outer, context)
            else:
                await left.by(trace, outer, context, *ended_as(result.error, classifier))
            return result

        return audit

    return Stage("audit", wrap)


def ended_as(error: object, classifier: Classifier) -> tuple[str, str]:
    """The outcome and the code of a command that was answered with an error."""
    return classifier.of_value(error).value, error_name(error)


@final
class _Left:
    """What messages leave that no commit has carried.

    Args:
        store: Where the trail is.
        refusals: Keeps what cannot be written yet.
        behind: Writes what the answer need not wait for.
    """

    __slots__ = ("_behind", "_refusals", "_store")

    def __init__(self, store: Store, refusals: Refusals, behind: Behind) -> None:
        self._store = store
        self._refusals = refusals
        self._behind = behind

    async def by(self, trace: Trace, outer: Trace | None, context: Context, outcome: str = "", code: str = "") -> None:
        """Hand what a message leaves on to the outer command, or write it."""
        if trace.written:
            return
        own = trace.own
        if own is not None and not (own.kept and outcome == SUCCESS):
            own.end(outcome, code)
        if outer is not None:
            if own is not None:
                outer.keep(own)
            return
        entries = trace.entries()
        if entries:
            await self._behind.see_to(self._write(entries), context)

    async def _write(self, entries: Sequence[AuditEntry]) -> None:
        try:
            await self._store.commit(Batch(audit=tuple(entries)))
        except Exception as error:  # noqa: BLE001  # it is told here, or tried again later
            # The message has been answered by now, and this changes nothing of it.
            if not isinstance(error, Unavailable) or not self._refusals.keep(entries):
                LOGGER.exception("not in the audit trail: %s", names_of(entries))
