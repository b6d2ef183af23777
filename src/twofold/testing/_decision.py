"""Decisions without a store: what an aggregate, an entity or a decider makes of what was before.

Whoever decides is as events or a row have left it, is asked, and answers a `Decided`.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, final, overload

from twofold.aggregates import Entity
from twofold.dispatch import Decider
from twofold.errors import WiringError
from twofold.messages import Event, MessageType
from twofold.result import Failure, Result, Success
from twofold.testing._difference import event_differences, mismatch, outcome_differences, refusal_of, told
from twofold.testing._projection import is_row, row_differences
from twofold.testing._unjudged import begin, judge

C = TypeVar("C")
E = TypeVar("E", bound=Entity)
P = ParamSpec("P")
T = TypeVar("T")


@functools.lru_cache
def _type_of(kind: Any) -> MessageType[Any]:
    return MessageType(kind)


@final
@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision has come to.

    Args:
        events: What it recorded.
        result: What it answered; a Success for whatever is no Result.
        entity: The aggregate or the entity that has decided, or is new.
    """

    events: Sequence[Event]
    result: Result[Any, Any]
    entity: Entity | None = None

    def rows_of(self, kind: type) -> Sequence[object]:
        """The row of who has decided, where it is one of some class."""
        return [self.entity] if isinstance(self.entity, kind) else []


@final
class Decision:
    """A decision that is made when it is compared.

    Args:
        given: What was before.
        when: What is asked, as an error shows it.
        decide: Makes the decision.
    """

    __slots__ = ("_decide", "_given", "_when")

    def __init__(self, given: Sequence[object], when: object, decide: Callable[[], Decided]) -> None:
        self._given = given
        self._when = when
        self._decide = decide
        begin(self, when)

    def then(self, *expected: object) -> None:
        """See that exactly these events are recorded, in this order; or that it is refused, and records nothing.

        Args:
            expected: Events, or classes of events; or the error it is refused with, or its class. Nothing at all: it is
                accepted, and records nothing. And an entity as its row is then, with the columns that are set.

        Raises:
            AssertionError: It is not so; the text says what differs, event by event and field by field.
            WiringError: An event that is recorded could not be read again from a log.
        """
        __tracebackhide__ = True
        judge(self)
        refusal, others = refusal_of(expected)
        rows = [one for one in others if is_row(one)]
        try:
            decided = self._decide()
            for event in decided.events:
                kind: Any = type(event)
                _type_of(kind).record(event)
        except Exception as error:
            if refusal is None:
                raise
            decided = Decided((), Failure(error))
        differences = [
            *outcome_differences(refusal, decided.result),
            *event_differences([one for one in others if not is_row(one)], decided.events),
            *row_differences(rows, {kind: decided.rows_of(kind) for kind in dict.fromkeys(map(type, rows))}),
        ]
        if differences:
            raise mismatch(self._given, self._when, differences)


@final
class GivenEntity(Generic[E]):
    """An aggregate or an entity as it was.

    Args:
        kind: Its class.
        given: What was given of it, as an error shows it.
        found: Makes it as it was; None where there was none.
    """

    __slots__ = ("_found", "_given", "_kind")

    def __init__(self, kind: type[E], given: Sequence[object], found: Callable[[], E | None]) -> None:
        self._kind = kind
        self._given = given
        self._found = found

    @overload
    def when(self, decide: Callable[Concatenate[E, P], object], /, *args: P.args, **kwargs: P.kwargs) -> Decision: ...
    @overload
    def when(self, decide: Callable[P, E], /, *args: P.args, **kwargs: P.kwargs) -> Decision: ...
    def when(self, decide: Callable[..., object], /, *args: Any, **kwargs: Any) -> Decision:
        """Let it decide.

        Args:
            decide: A method of its class, `Order.pay`, or any function that takes it; or what makes a new one, as a
                class method or static method.
            args: What it is called with, behind the one that decides.
            kwargs: And by name.
        """
        said = ", ".join([*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())])
        name = getattr(decide, "__qualname__", repr(decide))
        return Decision(self._given, told(f"{name}({said})"), lambda: self._decided(decide, args, kwargs))

    def _decided(self, decide: Callable[..., object], args: Any, kwargs: Any) -> Decided:
        known = self._found()
        if not self._makes(decide):
            entity = self._kind() if known is None else known
            before = len(entity.recorded)
            result = _result_of(decide(entity, *args, **kwargs))
            return Decided(entity.recorded[before:], result, entity)
        if known is not None:
            raise WiringError(f"{decide!r} makes a new {self._kind.__qualname__}, and there is one already")
        result = _result_of(decide(*args, **kwargs))
        made = result.value if result.is_success else None
        return Decided(made.recorded, result, made) if isinstance(made, Entity) else Decided((), result)

    def _makes(self, decide: Callable[..., object]) -> bool:
        """Whether it takes none of them: it is bound to the class, or to nothing."""
        static = inspect.getattr_static(self._kind, getattr(decide, "__name__", ""), None)
        return getattr(decide, "__self__", None) is self._kind or isinstance(static, staticmethod)


@final
class GivenDecider(Generic[C]):
    """A decider in the state that some events lead to.

    Args:
        decider: The decider.
        events: The events.
    """

    __slots__ = ("_decider", "_events")

    def __init__(self, decider: Decider[C, Any, Any], events: Sequence[Event]) -> None:
        self._decider = decider
        self._events = events

    def when(self, command: C) -> Decision:
        """Have it decide on a command."""
        return Decision(self._events, command, lambda: self._decided(command))

    def _decided(self, command: C) -> Decided:
        outcome = _plain(self._decider.decide(command, self._decider.fold(self._events)))
        return Decided((), outcome) if isinstance(outcome, Failure) else Decided(outcome, Success())


def _result_of(answer: Any) -> Result[Any, Any]:
    return answer if type(_plain(answer)) in (Success, Failure) else Success(answer)


def _plain(answer: T) -> T:
    """What a decision has answered, which waits for nothing.

    Raises:
        WiringError: It is a coroutine, so nothing has been decided.
    """
    if inspect.iscoroutine(answer):
        answer.close()
        name = answer.__qualname__
        raise WiringError(f"{name} is an async def, so nothing is decided: what it waits for belongs to the handler")
    return answer
