"""The front of the test kit: `given(...).when(...).then(...)`, for whatever a user has written.

What is tested comes first, then what was before.
"""

import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, cast, overload

from twofold.aggregates import Aggregate, Entity
from twofold.app import App
from twofold.clock import Clock
from twofold.dispatch import Decider, Module
from twofold.errors import WiringError
from twofold.messages import Event, Principal
from twofold.testing._application import GivenApp
from twofold.testing._decision import GivenDecider, GivenEntity
from twofold.testing._faults import Fault
from twofold.testing._projection import GivenRows, shown

C = TypeVar("C")
E = TypeVar("E", bound=Entity)


class _Handles(Protocol):
    @property
    def handle(self) -> Callable[..., Any]: ...


# Aggregates and handlers are classes too, so their overloads have to come first: the checkers take the first that fits.
@overload
def given(  # pyright: ignore[reportOverlappingOverload]  # the narrower class has the other answer, as it should
    subject: type[E] | E, /, *before: Event
) -> GivenEntity[E]: ...
@overload
def given(subject: Decider[C, Any, Any], /, *before: Event) -> GivenDecider[C]: ...
@overload
def given(  # pyright: ignore[reportOverlappingOverload]  # the same
    subject: type[_Handles] | _Handles,
    /,
    *before: object,
    clock: Clock | None = None,
    fault: Fault | None = None,
    instead: Mapping[Any, object] | None = None,
    principal: Principal | None = None,
) -> GivenApp: ...
@overload
def given(  # pyright: ignore[reportOverlappingOverload]  # the other way round: of a class without `handle`
    subject: type[Any], /, *before: Event, clock: Clock | None = None
) -> GivenRows: ...
@overload
def given(
    subject: App | Module | Callable[..., Any],
    /,
    *before: object,
    clock: Clock | None = None,
    fault: Fault | None = None,
    instead: Mapping[Any, object] | None = None,
    principal: Principal | None = None,
) -> GivenApp: ...
def given(
    subject: Any,
    /,
    *before: Any,
    clock: Clock | None = None,
    fault: Fault | None = None,
    instead: Mapping[Any, object] | None = None,
    principal: Principal | None = None,
) -> Any:
    """Begin a test: of what decides or projects, without any store, or of an application, a module or a handler.

    An application that does not run is run for the test alone, on an empty database that is gone afterwards; one that
    runs is taken as it is.

    Args:
        subject: The class of an aggregate, an entity as its row is, or a decider, `when` gives a decision of it; the
            class of a projection, `then` gives its rows; an application, a module of one, or what handles a message: a
            function, a class or an instance.
        before: The events that have happened; to an application also commands, which are executed. To an entity none.
        clock: Where it gets the time.
        fault: What happens to an application meanwhile.
        instead: Objects in the places of an application's dependencies, by type.
        principal: Who has sent the commands that are given to an application, each under a key of its own; nobody
            unless given.

    Raises:
        WiringError: The subject is none of these.

    Example:
        >>> given(Order, placed).when(Order.pay, Decimal("2.50")).then(OrderPaid(order_id=one, amount=Decimal("2.50")))
        >>> given(User(id=one, name="Ada")).when(User.rename, "Bea").then(UserRenamed(user_id=one, name="Bea"))
        >>> given(OrderTotals, placed, cancelled).then(TotalsRow(customer_id=ada, orders=1, cancelled=1))
        >>> await given(app, placed).when(PayOrder(order_id=one, amount=Decimal("2.49"))).then(WrongAmount)
        Failure(WrongAmount('2.50 is due'))
    """
    if isinstance(cast("object", subject), Decider):
        return GivenDecider(subject, before)
    if isinstance(subject, Entity) or (isinstance(subject, type) and issubclass(subject, Entity)):
        return _entity(subject, before)
    if isinstance(subject, type) and not _handles(subject):
        return GivenRows(subject, before, clock)
    if isinstance(subject, Module):
        subject = App("given", modules=[subject])
    elif not isinstance(subject, App):
        if not callable(subject) and not hasattr(subject, "handle"):
            raise WiringError(
                f"{subject!r} is nothing to test: an aggregate, an entity, a decider, a projection, an App, a Module,"
                " a handler"
            )
        subject = App("given", modules=[_home_of(subject) or _alone(subject)])
    return GivenApp(subject, before, clock=clock, fault=fault, instead=instead, principal=principal)


def _entity(subject: Any, before: Any) -> GivenEntity[Any]:
    """The subject of a decision: a class, which events are given of, or one as it is."""
    kind: type[Any] = subject if isinstance(subject, type) else type(subject)
    if kind is subject and issubclass(kind, Aggregate):
        return GivenEntity(kind, before, lambda: kind.rebuild(before))
    if before:
        name = kind.__qualname__
        raise WiringError(f"{name} is no fold of events: give it as it is, given({name}(...))")
    if kind is subject:
        return GivenEntity(kind, (), lambda: None)
    return GivenEntity(kind, [shown(subject)], lambda: copy.deepcopy(subject))


def _handles(cls: type[Any]) -> bool:
    """Whether a class is that of a handler, and no projection, which may call a method `handle` as well."""
    if _home_of(cls) is not None:
        return True
    return hasattr(cls, "handle") and all(one.cls is not cls for home in _beside(cls) for one in home.projections)


def _home_of(handler: Any) -> Module | None:
    """The module beside a handler that declares it, with all that it says of it."""
    return next((home for home in _beside(handler) if any(one.target is handler for one in home)), None)


def _beside(subject: Any) -> Iterator[Module]:
    """The modules of the application in the file that something is from."""
    home = sys.modules.get(getattr(subject, "__module__", ""))
    return (found for found in ([] if home is None else [*vars(home).values()]) if isinstance(found, Module))


def _alone(handler: Any) -> Module:
    """A module that has nothing but a handler."""
    alone = Module("given")
    alone.handler(handler)
    return alone
