"""The stages that put a message into a transaction: commands into a unit of work, queries into none.

The outcome decides: a Success commits, a Failure or an exception rolls back. A command sent by a handler joins the
unit of the command it is sent in, as a part that can be undone alone.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from twofold.dispatch import Handler, Next, Stage, answer_proof, failure_of
from twofold.errors import Classifier, Decided, WiringError
from twofold.messages import Catalogue, Context, Kind
from twofold.result import Failure, Result
from twofold.store._audit import SUCCESS
from twofold.store._audited import Trace, tracing
from twofold.store._current import UnitFactory, carried, current_unit, enter_unit, leave_unit, undo
from twofold.store._unit import UnitOfWork

_reading: ContextVar[bool] = ContextVar("twofold_reading", default=False)


def transaction_stage(new_unit: UnitFactory, catalogue: Catalogue, classifier: Classifier) -> Stage:
    """The stage that gives every command, and every reaction to an event, its transaction.

    Args:
        new_unit: Makes a unit of work for a message.
        catalogue: The messages of the application; a unit of another one is not joined.
        classifier: Tells what an error of the commit means.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        proof = answer_proof(handler) if handler.kind is Kind.COMMAND else None

        async def transaction(message: Any, context: Context) -> Result[Any, Any]:
            refuse_in_query(message)
            outer, trace = current_unit(catalogue), tracing.get()
            if outer is not None:
                return await _joined(outer, message, context, call_next, trace)
            try:
                settled, unit = carried(), new_unit(context)
                unit.trace = trace
                if settled is not None:
                    unit.settle(settled)
                token = enter_unit(unit)  # by hand, since `async with working` would await two coroutines more
                try:
                    result = await call_next(message, context)
                    if result.is_success:
                        _prove(proof, result.value, context)
                        unit.prove_expected()
                        try:
                            await unit.commit()
                        except asyncio.CancelledError as cancelled:
                            _tell(cancelled, result, classifier)
                            raise
                    else:
                        await unit.rollback()
                except BaseException:
                    await undo(unit, token)
                    raise
                leave_unit(token)
                if unit.lingers:
                    await unit.end()
                return result
            except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
                return failure_of(error, classifier)

        return None if handler.kind is Kind.QUERY else transaction

    return Stage("transaction", wrap)


def read_only_stage() -> Stage:
    """The stage that keeps a query from sending commands or publishing events."""

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        proof = answer_proof(handler) if handler.kind is Kind.QUERY else None

        async def read_only(message: Any, context: Context) -> Result[Any, Any]:
            token = _reading.set(True)
            try:
                result = await call_next(message, context)
            finally:
                _reading.reset(token)
            if result.is_success:
                _prove(proof, result.value, context)
            return result

        return read_only if handler.kind is Kind.QUERY else None

    return Stage("read only", wrap)


def refuse_in_query(message: object) -> None:
    """Stop a message that would write while a query is being handled.

    Raises:
        WiringError: A query is being handled in this task.
    """
    if _reading.get():
        what = type(message).__qualname__
        raise WiringError(f"{what} was sent while a query is being handled: a query changes nothing")


def _prove(proof: Callable[[object], bytes | None] | None, answer: object, context: Context) -> None:
    """Hold an answer that leaves by a door against its promise, while something can be undone, and told as a crash.

    Raises:
        WiringError: It breaks it.
    """
    if proof is None or context.origin.source is None or context.parent is not None:
        return
    written, receipt = proof(answer), context.origin.receipt
    if written is not None and receipt is not None:
        receipt.answer = answer, written


def _tell(cancelled: asyncio.CancelledError, result: Result[Any, Any], classifier: Classifier) -> None:
    """Tell who is cancelled during a commit what the message has come to all the same."""
    decided = cancelled.__cause__
    if isinstance(decided, Decided):
        known = decided.error is None or classifier.of_exception(decided.error) is not None
        decided.answer = (result if decided.error is None else Failure(decided.error)) if known else None


async def _joined(
    unit: UnitOfWork, message: Any, context: Context, call_next: Next, trace: Trace | None
) -> Result[Any, Any]:
    await unit.begin_part(context)
    try:
        result = await call_next(message, context)
    except BaseException:
        await unit.undo_part()
        raise
    if result.is_success and unit.trace is not None and trace is not None and trace.own is not None:
        trace.own.end(SUCCESS)
        unit.trace.keep(trace.own)
    await (unit.keep_part() if result.is_success else unit.undo_part())
    return result
