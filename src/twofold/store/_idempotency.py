"""The stages that have a command with a key handled once: twins and retries are given the reply of the first one.

The outer one looks the reply up, and lets one command of a key in at a time; the inner one is the first thing in the
transaction of every attempt. It claims the key, and keeps the reply with everything else that the command has written.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Final, Protocol

from twofold.dispatch import AnswerCodec, Handler, Idempotency, Next, Stage, answered_type, failure_of
from twofold.errors import Classifier, Invalid, KeyConflict, KeyInFlight, OutcomeUnknown, Unavailable
from twofold.messages import Catalogue, Context, Kind
from twofold.result import Failure, Result, Success
from twofold.store._audited import tracing
from twofold.store._current import current_unit
from twofold.store._flights import Flights
from twofold.store._keyed import Answered, Keyed, Keys, keyed
from twofold.store._port import Store
from twofold.store._replies import Reply

_GRACE: Final = 1.0
"""For how many seconds, at least, the answer is looked for when nobody knows what became of a commit."""


class Said(Protocol):
    """What is said of a handler's commands."""

    def __call__(self, handler: Handler, /) -> Idempotency | None:
        """The settings; None where keys mean nothing."""
        ...


def idempotency_stage(
    said: Said,
    store: Store,
    catalogue: Catalogue,
    classifier: Classifier,
    tally: Callable[[str, str], None],
    within: Callable[[float | None], AbstractContextManager[None]],
) -> Stage:
    """The outer stage, for commands. The key is for the outermost one: those that a handler sends are a part of it.

    Args:
        said: What is said of a handler's commands.
        store: Where the replies are.
        catalogue: The messages of the application.
        classifier: Tells failures from bugs.
        tally: Counts replies that were given again.
        within: Ends what takes longer than the message may.
    """
    flights = Flights()

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        settings = said(handler)
        if handler.kind is not Kind.COMMAND or settings is None:
            return None
        entry = catalogue.of(handler.message_type)
        keys, name = Keys(entry, settings), entry.name
        by_sender = settings.key is None and not settings.required
        answers: AnswerCodec | None = None

        async def kept(one: Keyed, context: Context, *, grace: float = 0) -> Result[Any, Any] | None:
            """The answer that is there already."""
            nonlocal answers
            until = context.deadline
            if grace and until is not None:
                until = max(until, context.clock.monotonic() + grace)
            with within(until):
                reply = await store.find_reply(one.key, context.clock.now())
            if reply is None:
                return None
            answers = answers or AnswerCodec(answered_type(handler))
            result = _given_again(reply, one, answers, context)
            if result.is_success:
                tally("replays", name)
            return result

        async def found_out(unknown: OutcomeUnknown, one: Keyed, context: Context) -> Result[Any, Any] | None:
            """The answer, if it can be seen that the commit was carried out."""
            try:
                return await kept(one, context, grace=_GRACE)
            except Unavailable as error:
                unknown.add_note(f"the reply cannot be looked up: {error}")
                return None

        async def once(message: Any, context: Context) -> Result[Any, Any]:
            try:
                one = keys.of(message, context)
                if one is None:
                    return await call_next(message, context)
                async with flights.alone(one.key, one.until - context.clock.monotonic()):
                    result = await kept(one, context)
                    if result is None:
                        try:
                            result = await _handled(one, message, context, call_next)
                        except Answered:
                            result = await kept(one, context) or Failure(KeyInFlight())
                        if isinstance(result.error, OutcomeUnknown):
                            result = await found_out(result.error, one, context) or result
                    return result
            except (Invalid, KeyInFlight) as error:
                return Failure(error)
            except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
                return failure_of(error, classifier)

        def idempotency(message: Any, context: Context) -> Awaitable[Result[Any, Any]]:
            if (by_sender and context.origin.idempotency_key is None) or context.parent is not None:
                return call_next(message, context)
            return once(message, context)

        return idempotency

    return Stage("idempotency", wrap)


def claim_stage(said: Said, catalogue: Catalogue) -> Stage:
    """The inner stage, for the same commands.

    Args:
        said: What is said of a handler's commands.
        catalogue: The messages of the application.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        settings = said(handler)
        if handler.kind is not Kind.COMMAND or settings is None:
            return None
        name, keep = catalogue.of(handler.message_type).name, timedelta(seconds=settings.keep)
        by_sender = settings.key is None
        answers: AnswerCodec | None = None

        async def claimed(one: Keyed, message: Any, context: Context) -> Result[Any, Any]:
            nonlocal answers
            answers = answers or AnswerCodec(answered_type(handler))
            unit = current_unit(catalogue)
            if unit is None:
                raise LookupError(f"{name} has a key, and no unit of work that could keep its reply")
            now = context.clock.now()
            reply = await unit.claim(one.key, now, one.patience(context))
            if reply is not None:
                one.replayed = True
                return _given_again(reply, one, answers, context)
            result = await call_next(message, context)
            if result.is_success:
                written = answers.dump(result.value)
                unit.answer(Reply(one.key, name, one.fingerprint, written, now, now + keep))
                return Success(answers.load(written))  # as it will be given again
            return result

        def claim(message: Any, context: Context) -> Awaitable[Result[Any, Any]]:
            if (by_sender and context.origin.idempotency_key is None) or context.parent is not None:
                return call_next(message, context)
            one = keyed.get()
            return call_next(message, context) if one is None else claimed(one, message, context)

        return claim

    return Stage("claim", wrap)


async def _handled(one: Keyed, message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
    token = keyed.set(one)
    try:
        return await call_next(message, context)
    finally:
        keyed.reset(token)


def _given_again(reply: Reply, one: Keyed, answers: AnswerCodec, context: Context) -> Result[Any, Any]:
    """The answer that a command with this key was given before."""
    if reply.fingerprint != one.fingerprint:
        return Failure(KeyConflict("this idempotency key came with another payload before"))
    if context.origin.receipt is not None:
        context.origin.receipt.note(reply.position)
    trace = tracing.get()
    if trace is not None and trace.own is not None:
        trace.own.replayed = True
    return Success(answers.load(reply.value))
