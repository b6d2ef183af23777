"""The stages that tell what becomes of a command, for handlers that declare a `Lifecycle`.

Attempted commits in a transaction of its own before anything is done, Succeeded with what the command changes, and
Failed after the roll-back: of the last two the log takes one, whoever comes with it. A command that a handler sends
never opens a second transaction inside the one that is held: what it tells is kept by the unit of work that it joins,
and comes with its commit, or after its roll-back.
"""

import asyncio
from typing import Any, Final

from twofold.dispatch import Filling, Handler, Next, Stage, failure_of, filling
from twofold.errors import Classifier, Decided, Interrupted, OutcomeUnknown, TimedOut, code_of, detail_of
from twofold.messages import Catalogue, Context
from twofold.result import Result
from twofold.store._attempt import INTERRUPTED
from twofold.store._behind import Behind
from twofold.store._current import UnitFactory, current_unit, working
from twofold.store._keyed import Answered, Keyed, keyed
from twofold.store._transaction import refuse_in_query
from twofold.store._unit import UnitOfWork

CRASHED: Final = "crashed"
CANCELLED: Final = "cancelled"
UNDONE: Final = "undone"
REPLAYED: Final = "replayed"


def lifecycle_stage(new_unit: UnitFactory, catalogue: Catalogue, classifier: Classifier, behind: Behind) -> Stage:
    """The stage around every attempt, which tells that a command was attempted, and that it failed.

    Args:
        new_unit: Makes a unit of work for a message.
        catalogue: The messages of the application.
        classifier: Tells what an error means.
        behind: Writes what the answer need not wait for.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        attempted, failed = filling(handler, "attempted"), filling(handler, "failed")
        told = _Told(new_unit, classifier, failed, behind, begun=_begun(attempted))
        ends_alone = failed if filling(handler, "succeeded") else None

        async def lifecycle(message: Any, context: Context) -> Result[Any, Any]:
            refuse_in_query(message)
            outer = current_unit(catalogue)
            if attempted is not None:
                event = attempted.make(message, None)
                otherwise = None if ends_alone is None else ends_alone.make(message, INTERRUPTED)
                if outer is None:
                    try:
                        await told.attempted(event, otherwise, message, context)
                    except Answered:
                        raise
                    except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
                        return failure_of(error, classifier)
                else:
                    outer.attempts.tell(event, expected=0, of=context, if_interrupted=otherwise)
            try:
                result = await call_next(message, context)
            except asyncio.CancelledError as cancelled:
                await told.cancelled(cancelled, message, context, outer)
                raise
            except Exception:
                await told.failed(CRASHED, message, context, outer)
                raise
            if result.is_failure:
                await told.failed(told.reason(result.error), message, context, outer)
            elif (one := _key_of(context)) is not None and one.replayed:
                await told.failed(REPLAYED, message, context, outer)
            return result

        return lifecycle if attempted or failed else None

    return Stage("lifecycle", wrap)


def conclusion_stage(catalogue: Catalogue) -> Stage:
    """The stage inside the transaction, which tells that a command has succeeded.

    Args:
        catalogue: The messages of the application.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        succeeded, failed = filling(handler, "succeeded"), filling(handler, "failed")
        begun = _begun(filling(handler, "attempted"))

        async def conclusion(message: Any, context: Context) -> Result[Any, Any]:
            result = await call_next(message, context)
            unit = current_unit(catalogue)
            if result.is_success and unit is not None:
                event = None if succeeded is None else succeeded.make(message, result.value)
                undone = failed.make(message, UNDONE) if failed is not None and unit.in_part else None
                unit.attempts.conclude(event, expected=begun, undone=undone)
            return result

        return conclusion if succeeded or failed else None

    return Stage("conclusion", wrap)


class _Told:
    """Tells of one handler's commands, each in a transaction of its own unless there is one."""

    __slots__ = ("_begun", "_behind", "_classifier", "_failed", "_new_unit")

    def __init__(
        self, new_unit: UnitFactory, classifier: Classifier, failed: Filling | None, behind: Behind, *, begun: int
    ) -> None:
        self._begun = begun
        self._behind = behind
        self._new_unit = new_unit
        self._classifier = classifier
        self._failed = failed

    def reason(self, error: object) -> str | None:
        """Why something failed, by code and text, as whoever sent it is told.

        None when it may be done all the same, and when it is told already.
        """
        if isinstance(error, OutcomeUnknown | Interrupted):
            return None
        if isinstance(error, Exception) and self._classifier.of_exception(error) is None:
            return CRASHED
        category = self._classifier.of_value(error)
        return f"{code_of(error, category)}: {detail_of(error, category)}"

    async def attempted(self, event: object, otherwise: object | None, message: Any, context: Context) -> None:
        """Commit that a command is attempted; who is cancelled once that is so has failed.

        Raises:
            Answered: Another command with its key has an answer, so that this one is not attempted.
            TimedOut: The store had no time for it before the deadline, so that it is not attempted.
        """
        unit = self._new_unit(context)
        left = None if context.deadline is None else context.deadline - context.clock.monotonic()
        limit = asyncio.timeout(left)
        try:
            async with limit, working(unit):
                one = _key_of(context)
                if one is not None and await unit.claim(one.key, context.clock.now(), one.patience(context)):
                    raise Answered
                unit.attempts.tell(event, expected=0, if_interrupted=otherwise)
                await unit.commit()
        except TimeoutError as error:
            if not limit.expired():
                raise
            if not unit.committed.position:
                raise TimedOut("the deadline passed before it was attempted") from error
        except asyncio.CancelledError:
            if unit.committed.position:
                await self.failed(CANCELLED, message, context, None)
            raise

    async def cancelled(
        self, cancelled: asyncio.CancelledError, message: Any, context: Context, outer: UnitOfWork | None
    ) -> None:
        """Tell that a command was cancelled, unless its commit was carried through all the same."""
        decided = cancelled.__cause__
        answer = decided.answer if isinstance(decided, Decided) else None
        if answer is None:
            await self.failed(CANCELLED, message, context, outer)
        elif answer.is_failure:
            await self.failed(self.reason(answer.error), message, context, outer)

    async def failed(self, reason: str | None, message: Any, context: Context, outer: UnitOfWork | None) -> None:
        """Tell that a command has failed; what it ended with stays the answer, whatever comes of that.

        Nothing comes of it when another end was told before. Any other error goes to the exception handler of the event
        loop, which logs it unless told otherwise.
        """
        if self._failed is None or reason is None:
            return
        try:
            event = self._failed.make(message, reason)
            if outer is not None and outer.open:
                outer.attempts.tell(event, expected=self._begun, of=context)
                return
        except Exception as error:  # noqa: BLE001  # told to the event loop: the caller is told the outcome
            self._lost(error, context)
            return
        await self._behind.see_to(self._end(event, context), context)

    async def _end(self, event: object, context: Context) -> None:
        try:
            async with working(self._new_unit(context)) as unit:
                unit.attempts.tell(event, expected=self._begun)
                await unit.commit()
        except Interrupted:
            return
        except Exception as error:  # noqa: BLE001  # told to the event loop: the caller is told the outcome
            self._lost(error, context)

    def _lost(self, error: BaseException, context: Context) -> None:
        name = "Failed" if self._failed is None else self._failed.event.__qualname__
        text = f"{name} of message {context.message_id} cannot be recorded"
        asyncio.get_running_loop().call_exception_handler({"message": text, "exception": error})


def _begun(attempted: Filling | None) -> int:
    """The version of the stream of an attempt that has no end yet."""
    return 0 if attempted is None else 1


def _key_of(context: Context) -> Keyed | None:
    """The key of a command; of one that a handler sends it is a part of, and has none."""
    return keyed.get() if context.parent is None else None
