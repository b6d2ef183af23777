"""The stage that lets a caller see its own writes: a query waits until the projections that it reads show them."""

import difflib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

from twofold.dispatch import Handler, Next, Stage, failure_of
from twofold.errors import Classifier, Fault
from twofold.messages import Context, Kind, Receipt
from twofold.projections import Projection
from twofold.result import Result

Visible: TypeAlias = Callable[[int, Sequence[str], float], Awaitable[None]]
"""Waits until projections have dealt with a position, a number of seconds at most; raises when they have not."""


def own_writes_stage(
    projections: Iterable[Projection], visible: Visible, classifier: Classifier, *, copied: bool
) -> Stage:
    """The stage, for queries that read a projection which follows the log, or a copy of the database.

    A query that a handler sends waits for nothing: whoever sends it may hold what the projection needs to come forward.

    Args:
        projections: The projections of the application.
        visible: Waits for some of them.
        classifier: Tells failures from bugs.
        copied: Whether queries read from copies, which may be behind.
    """
    projections = tuple(projections)

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if handler.kind is not Kind.QUERY:
            return None
        names = follows_the_log(projections, handler)

        async def later(receipt: Receipt, message: Any, context: Context) -> Result[Any, Any]:
            wait = receipt.wait
            if context.deadline is not None:
                wait = min(wait, context.deadline - context.clock.monotonic())
            try:
                await visible(receipt.position, names, wait)
            except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
                return failure_of(error, classifier)
            return await call_next(message, context)

        def own_writes(message: Any, context: Context) -> Awaitable[Result[Any, Any]]:
            receipt = context.origin.receipt
            if receipt is None or context.parent is not None or not receipt.position:
                return call_next(message, context)
            return later(receipt, message, context)

        return own_writes if names or copied else None

    return Stage("own writes", wrap)


def follows_the_log(projections: Iterable[Projection], handler: Handler) -> list[str]:
    """The names of the projections that a query reads, and that follow the log."""
    return [
        one.name for one in projections if one.mode == "async" and (handler.reads is None or one.name in handler.reads)
    ]


def reads_faults(handlers: Iterable[Handler], projections: Iterable[Projection]) -> list[Fault]:
    """Handlers that say they read a projection that there is not, and those that have no business to say so.

    Args:
        handlers: The handlers.
        projections: The projections of the application.
    """
    known = [projection.name for projection in projections]
    faults: list[Fault] = []
    for handler in handlers:
        if handler.reads is not None and handler.kind is not Kind.QUERY:
            text, hint = f"handles a {handler.kind} and says what it reads", "only a query waits: leave reads= out"
            faults.append(Fault(where=handler.id, code="reads_nothing", text=text, hint=hint))
            continue
        for name in handler.reads or ():
            if name not in known:
                near = ", ".join(difflib.get_close_matches(name, known, n=3))
                hint = f"did you mean {near}?" if near else "name a projection of this application"
                text = f"reads {name!r}, and no projection is called that"
                faults.append(Fault(where=handler.id, code="unknown_projection", text=text, hint=hint))
    return faults
