"""The front of the test kit: `given(...).when(...).then(...)`, for whatever a user has written.

What is tested comes first, then what was before.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, overload

from twofold.aggregates import Aggregate
from twofold.app import App
from twofold.clock import Clock
from twofold.dispatch import Decider, Module
from twofold.errors import WiringError
from twofold.messages import Event
from twofold.testing._application import GivenApp
from twofold.testing._decision import GivenAggregate, GivenDecider
from twofold.testing._faults import Fault
from twofold.testing._projection import GivenRows

A = TypeVar("A", bound=Aggregate)
C = TypeVar("C")


# An aggregate is a class too, so its overload has to come first: the checkers take the first that fits.
@overload
def given(  # pyright: ignore[reportOverlappingOverload]  # the narrower class has the other answer, as it should
    subject: type[A], /, *before: Event
) -> GivenAggregate[A]: ...
@overload
def given(subject: Decider[C, Any, Any], /, *before: Event) -> GivenDecider[C]: ...
@overload
def given(subject: type[Any], /, *before: Event, clock: Clock | None = None) -> GivenRows: ...
@overload
def given(
    subject: App | Module | Callable[..., Any],
    /,
    *before: object,
    clock: Clock | None = None,
    fault: Fault | None = None,
    instead: Mapping[Any, object] | None = None,
) -> GivenApp: ...
def given(
    subject: Any,
    /,
    *before: Any,
    clock: Clock | None = None,
    fault: Fault | None = None,
    instead: Mapping[Any, object] | None = None,
) -> Any:
    """Begin a test: of what decides or projects, without any store, or of an application, a module or a handler.

    An application that does not run is run for the test alone, on an empty database that is gone afterwards; one that
    runs is taken as it is.

    Args:
        subject: The class of an aggregate, or a decider, `when` gives a decision of it; the class of a projection,
            `then` gives its rows; an application, a module of one, or a function that handles a message.
        before: The events that have happened; to an application also commands, which are executed.
        clock: Where it gets the time.
        fault: What happens to an application meanwhile.
        instead: Objects in the places of an application's dependencies, by type.

    Raises:
        WiringError: The subject is none of these.

    Example:
        >>> given(Order, placed).when(Order.pay, Decimal("2.50")).then(OrderPaid(order_id=one, amount=Decimal("2.50")))
        >>> given(OrderTotals, placed, cancelled).then(TotalsRow(customer_id=ada, orders=1, cancelled=1))
        >>> await given(app, placed).when(PayOrder(order_id=one, amount=Decimal("2.49"))).then(WrongAmount)
        Failure(WrongAmount('2.50 is due'))
    """
    if isinstance(subject, type):
        cls: type[Any] = subject
        return GivenAggregate(cls, before) if issubclass(cls, Aggregate) else GivenRows(cls, before, clock)
    if isinstance(cast("object", subject), Decider):
        return GivenDecider(subject, before)
    if isinstance(subject, Module):
        subject = App("given", modules=[subject])
    elif not isinstance(subject, App):
        if not callable(subject):
            raise WiringError(
                f"{subject!r} is nothing to test: an aggregate, a decider, a projection, an App, a Module, a handler"
            )
        subject = App("given", modules=[_home_of(subject)])
    return GivenApp(subject, before, clock=clock, fault=fault, instead=instead)


def _home_of(handler: Callable[..., Any]) -> Module:
    """The module beside a handler that declares it, with all that it says of it; else one that has nothing but it."""
    home = sys.modules.get(getattr(handler, "__module__", ""))
    for found in () if home is None else vars(home).values():
        if isinstance(found, Module) and any(one.target is handler for one in found):
            return found
    alone = Module("given")
    alone.handler(handler)
    return alone
