"""The stage that sees to it that every command has an entry in the audit trail, however it ends.

A command that succeeds has its entry committed by its unit of work. Here is written what no commit has carried:
refusals, failures and crashes, once the outermost unit has ended, so that nothing waits for a second transaction inside
of one. Refusals by a limit are only counted here: whoever floods us must not make us write.
"""

import asyncio
import logging
from typing import Any, Final

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import BulkheadFull, CircuitOpen, Classifier, RateLimited, error_name
from twofold.messages import Catalogue, Context, Kind, redacting
from twofold.result import Result
from twofold.store._audit import CRASHED, SUCCESS, AuditEntry
from twofold.store._audited import About, Record, Trace, tracing
from twofold.store._batch import Batch
from twofold.store._current import current_unit
from twofold.store._port import Store
from twofold.store._refusals import Refusals
from twofold.store._through import carried_through

_LOGGER: Final = logging.getLogger("twofold.audit")
_PATIENCE: Final = 1.0
_COUNTED: Final = (RateLimited, CircuitOpen, BulkheadFull)


def audit_stage(store: Store, catalogue: Catalogue, classifier: Classifier, refusals: Refusals) -> Stage:
    """The stage, for commands; for reactions too, since they send commands.

    Args:
        store: Where the trail is.
        catalogue: The messages of the application.
        classifier: Tells what an error means.
        refusals: Counts what a limit refuses.
    """

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
                await _leave(trace, outer, store, "cancelled")
                raise
            except Exception as error:
                await _leave(trace, outer, store, CRASHED, type(error).__qualname__)
                raise
            finally:
                tracing.reset(token)
            if result.is_success:
                await _leave(trace, outer, store, SUCCESS)
            elif isinstance(result.error, _COUNTED):
                if about is not None:
                    refusals.add(about, context, *ended_as(result.error, classifier))
                trace.own = None
                await _leave(trace, outer, store)
            else:
                await _leave(trace, outer, store, *ended_as(result.error, classifier))
            return result

        return audit

    return Stage("audit", wrap)


def ended_as(error: object, classifier: Classifier) -> tuple[str, str]:
    """The outcome and the code of a command that was answered with an error."""
    return classifier.of_value(error).value, error_name(error)


async def _leave(trace: Trace, outer: Trace | None, store: Store, outcome: str = "", code: str = "") -> None:
    """Hand on to the outer command, or write, what no commit has carried."""
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
        await carried_through(_write(entries, store))


async def _write(entries: tuple[AuditEntry, ...], store: Store) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await store.commit(Batch(audit=entries))
    except Exception:
        # The message has been answered by now, and this changes nothing of it.
        names = ", ".join(f"{entry.message} ({entry.outcome}, {entry.message_id})" for entry in entries)
        _LOGGER.exception("not in the audit trail: %s", names)
