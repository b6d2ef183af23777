"""Whole applications, modules and handlers: what was before, one message, and everything that comes of it."""

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, final

from twofold.app import App
from twofold.clock import Clock
from twofold.messages import Principal
from twofold.result import Result, Success
from twofold.testing._difference import (
    agrees,
    answer_differences,
    event_differences,
    mismatch,
    outcome_differences,
    refusal_of,
)
from twofold.testing._faults import Fault
from twofold.testing._projection import is_row, row_differences
from twofold.testing._rehearsal import rehearsing
from twofold.testing._unjudged import begin, judge


@final
class Execution:
    """A message that is executed when what comes of it is compared.

    Args:
        given: What was before.
        message: The message; None for none.
        who: Who sends it.
    """

    __slots__ = ("_given", "_message", "_who")

    def __init__(self, given: "GivenApp", message: object | None, who: Mapping[str, Any]) -> None:
        self._given = given
        self._message = message
        self._who = who
        begin(self, "given(...)" if message is None else message)

    async def then(self, *expected: object) -> Result[Any, Any]:
        """See that exactly this comes of it, once nothing is left to do.

        Args:
            expected: Events, or classes of events: all that were not given, in the order of the log, and under a fault
                in any; or the error that it is refused with, or its class. Rows, as instances of mapped classes: all of
                their tables, with the columns that are set. For a query, its answer.

        Returns:
            What the message was answered with.

        Raises:
            AssertionError: It is not so; the text says what differs. Or something could not be handled.
        """
        __tracebackhide__ = True
        judge(self)
        given, message = self._given, self._message
        refusal, others = refusal_of(expected)
        async with rehearsing(given.app, clock=given.clock, fault=given.fault, instead=given.instead) as rehearsal:
            await rehearsal.begin(given.before, given.principal)
            asks = rehearsal.asks(message)
            rows = [one for one in others if is_row(one) and not asks]
            result = Success() if message is None else await rehearsal.execute(message, **self._who)
            await rehearsal.settle()
            events = await rehearsal.events()
            got = await rehearsal.rows(list(dict.fromkeys(map(type, rows))))
        differences = list(outcome_differences(refusal, result))
        if not asks:
            differences += _events_and_rows(others, events, rows, got, given.fault, nothing=message is not None)
        elif result.is_success and refusal is None:
            differences += answer_differences(others[0] if len(others) == 1 else tuple(others), result.value)
        if differences:
            raise mismatch(given.before, message, differences)
        return result


@final
class GivenApp:
    """An application with a past.

    Args:
        app: The application.
        before: Events and commands.
        clock: Where it gets the time.
        fault: What happens meanwhile.
        instead: Objects in the places of dependencies.
        principal: Who has sent those commands.
    """

    __slots__ = ("app", "before", "clock", "fault", "instead", "principal")

    def __init__(
        self,
        app: App,
        before: Sequence[object],
        *,
        clock: Clock | None,
        fault: Fault | None,
        instead: Mapping[Any, object] | None,
        principal: Principal | None,
    ) -> None:
        self.app = app
        self.before = before
        self.clock = clock
        self.fault = fault
        self.instead = instead
        self.principal = principal

    def when(
        self,
        message: object,
        *,
        user_id: str | None = None,
        tenant: str | None = None,
        principal: Principal | None = None,
        idempotency_key: str | None = None,
    ) -> Execution:
        """Execute a command or a query.

        Args:
            message: The message.
            user_id: Who sends it, by name alone: a policy that asks for a Principal lets nobody pass by it.
            tenant: Whom they act for.
            principal: Who sends it, as a door would have authenticated them; of the two above nothing counts then.
            idempotency_key: What they call the command; under a fault each has a key, this one or a new one.
        """
        who = {"user_id": user_id, "tenant": tenant, "principal": principal, "idempotency_key": idempotency_key}
        return Execution(self, message, who)

    def then(self, *expected: object) -> Coroutine[Any, Any, object]:
        """See that exactly this has come of what was before, as `Execution.then`; events only where some are expected.

        Raises:
            AssertionError: It is not so; the text says what differs.
        """
        return Execution(self, None, {}).then(*expected)


def _events_and_rows(
    expected: Sequence[object],
    events: Sequence[object],
    rows: Sequence[object],
    got: Mapping[type, Sequence[object]],
    fault: Fault | None,
    *,
    nothing: bool,
) -> Iterator[str]:
    """What differs; that no event is expected means so only where `nothing` does."""
    wanted = [one for one in expected if not is_row(one)]
    if wanted or nothing:
        yield from event_differences(wanted if fault is None else _in_order_of(wanted, events), events)
    yield from row_differences(rows, got)


def _in_order_of(expected: Sequence[object], events: Sequence[object]) -> list[object]:
    """What is expected, in the order in which it came; what did not come stays behind."""
    left, ordered = list(expected), list[object]()
    for event in events:
        place = next((place for place, one in enumerate(left) if agrees(one, event)), None)
        if place is not None:
            ordered.append(left.pop(place))
    return [*ordered, *left]
