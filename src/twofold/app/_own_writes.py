"""The stage that lets a caller see its own writes: a query waits until the projections and views it reads show them."""

import difflib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

from twofold.dispatch import Handler, Next, Stage, failure_of
from twofold.errors import Classifier, Fault
from twofold.messages import Context, Kind, Receipt
from twofold.projections import Projection
from twofold.result import Result

Visible: TypeAlias = Callable[[int, Sequence[str], float], Awaitable[None]]
"""Waits until some have dealt with a position, a number of seconds at most; raises when they have not."""


def own_writes_stage(followed: Sequence[str], visible: Visible, classifier: Classifier, *, copied: bool) -> Stage:
    """The stage, for queries that read what follows the log, or a copy of the database.

    A query that a handler sends waits for nothing: whoever sends it may hold what the projection needs to come forward.

    Args:
        followed: What a query may wait for; see `waited_for`.
        visible: Waits for some of them.
        classifier: Tells failures from bugs.
        copied: Whether queries read from copies, which may be behind.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if handler.kind is not Kind.QUERY:
            return None
        names = read_by(handler, followed)

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


def waited_for(projections: Iterable[Projection], views: Iterable[Any]) -> list[str]:
    """The names of what a query may wait for: projections that follow the log, and views refreshed on events.

    Args:
        projections: The projections of the application.
        views: Its views.
    """
    following = [one.name for one in projections if one.mode == "async"]
    return [*following, *(one.name for one in views if getattr(one, "refresh_on", ()))]


def read_by(handler: Handler, followed: Iterable[str]) -> list[str]:
    """Of what a query may wait for the names of what it reads."""
    return [name for name in followed if handler.reads is None or name in handler.reads]


def reads_faults(handlers: Iterable[Handler], projections: Iterable[str], views: Iterable[Any]) -> list[Fault]:
    """Handlers that say they read what nothing is called, or what cannot be waited for, or that never wait.

    Args:
        handlers: The handlers.
        projections: The names of the projections that the application declares, whatever else is wrong with them.
        views: Its views.
    """
    by_the_clock = {one.name for one in views if getattr(one, "refresh_every", None) is not None}
    known = [*projections, *(one.name for one in views if getattr(one, "refresh_on", ()))]
    faults: list[Fault] = []
    for handler in handlers:
        if handler.reads is not None and handler.kind is not Kind.QUERY:
            text, hint = f"handles a {handler.kind} and says what it reads", "only a query waits: leave reads= out"
            faults.append(Fault(where=handler.id, code="reads_nothing", text=text, hint=hint))
            continue
        for name in handler.reads or ():
            if name in by_the_clock:
                text, hint = f"reads the view {name!r}, which goes by the clock", "nobody can wait for it: leave it out"
                faults.append(Fault(where=handler.id, code="unawaited_view", text=text, hint=hint))
            elif name not in known:
                near = ", ".join(difflib.get_close_matches(name, known, n=3))
                hint = f"did you mean {near}?" if near else "name a projection or a view of this application"
                text = f"reads {name!r}, and no projection or view is called that"
                faults.append(Fault(where=handler.id, code="unknown_projection", text=text, hint=hint))
    return faults
