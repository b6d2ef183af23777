"""Middleware as data: a list of named stages, folded once per handler into one call.

A built-in stage closes over the rest of the pipeline, which is the cheapest way to call it. A stage that does not
apply to a handler is left out when the pipeline is built, so it costs nothing when it runs.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias, cast

from twofold.dispatch._handler import Handler
from twofold.dispatch._handlers import RESULTS, of_an_error
from twofold.errors import Classifier, Family, WiringError
from twofold.messages import Context, Kind
from twofold.result import Failure, Result

Next: TypeAlias = Callable[[Any, Context], Awaitable[Result[Any, Any]]]
"""The rest of the pipeline. A stage with nothing to do after it gives what that gives, which saves a coroutine."""

When: TypeAlias = Kind | type | Callable[[Handler], bool] | None
"""Which handlers a middleware wraps: those of a kind, of a message class or its subclasses, or as a function says."""

Place: TypeAlias = Literal["outer", "inner"]
"""Around everything but telemetry, or right around the handler, inside its transaction."""

_LEAST_MENDED: Final = (Family.CORRUPT, Family.REFUSED, Family.CONFLICT, Family.UNAVAILABLE)
"""What another try mends, the least first."""


class Middleware(Protocol):
    """Wraps the handling of a message; the one shape of everything in a pipeline.

    Example:
        >>> async def announce(message, context, call_next):
        ...     print("->", type(message).__name__)
        ...     return await call_next(message, context)
    """

    def __call__(self, message: Any, context: Context, call_next: Next, /) -> Awaitable[Result[Any, Any]]:
        """Do something before and after `call_next(message, context)`, or answer instead of it."""
        ...


class Stage(NamedTuple):
    """A named place in a pipeline.

    Args:
        name: What `explain` calls it.
        wrap: Puts it around the rest of a handler's pipeline, or gives None where it does not apply.
    """

    name: str
    wrap: Callable[[Handler, Next], Next | None]


class Used(NamedTuple):
    """A user's middleware, as it was put into the pipelines.

    Args:
        middleware: The middleware.
        at: Its place.
        when: Which handlers it wraps.
        by: What it was given to: the application, or a bus.
        kind: The one kind of messages that this takes; None where it takes all.
    """

    middleware: Middleware
    at: Place
    when: When
    by: str
    kind: Kind | None = None

    @property
    def name(self) -> str:
        """What its stage is called."""
        return _name(self.middleware)

    def wraps(self, handler: Handler) -> bool:
        """Whether it is in the pipeline of a handler."""
        if self.kind not in (None, handler.kind):
            return False
        match self.when:
            case None:
                return True
            case Kind():
                return handler.kind is self.when
            case type():
                return issubclass(handler.message_type, self.when)
            case _:
                return self.when(handler)


def stage_of(used: Used, classifier: Classifier) -> Stage:
    """A user's middleware as a stage; what it raises becomes a Failure when it is no bug.

    Args:
        used: The middleware.
        classifier: Tells failures from bugs.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        return _guard(used.middleware, call_next, classifier) if used.wraps(handler) else None

    return Stage(used.name, wrap)


def _name(middleware: Middleware) -> str:
    return getattr(middleware, "__qualname__", None) or type(middleware).__qualname__


def compose(stages: Sequence[Stage], handler: Handler, innermost: Next) -> tuple[Next, tuple[str, ...]]:
    """Fold stages around a handler.

    Args:
        stages: Outermost first.
        handler: The handler they are built for.
        innermost: What calls it.

    Returns:
        The whole as one call, and the names of the stages that are really in it.
    """
    call, names = innermost, list[str]()
    for stage in reversed(stages):
        wrapped = stage.wrap(handler, call)
        if wrapped is not None:
            call = wrapped
            names.append(stage.name)
    return call, tuple(reversed(names))


def _guard(middleware: Middleware, call_next: Next, classifier: Classifier) -> Next:
    whose = f"the middleware {_name(middleware)}"

    async def guarded(message: Any, context: Context) -> Result[Any, Any]:
        try:
            answer = await middleware(message, context, call_next)
        except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
            return failure_of(error, classifier)
        if not isinstance(answer, RESULTS):
            kind = type(answer).__qualname__
            raise WiringError(f"{whose} answered a {kind} and no Result: return what call_next gives")
        result: Result[Any, Any] = answer
        return of_an_error(result, whose) if isinstance(result, Failure) else result

    return guarded


def failure_of(error: Exception, classifier: Classifier) -> Failure[Any]:
    """The Failure that an exception means.

    Of several that were raised together, as by the tasks of an `asyncio.TaskGroup`, it is the one that another try
    mends least.

    Raises:
        Exception: The very error, when it is a bug or a wiring mistake, or one of a group is.
    """
    category = classifier.of_exception(error)
    if category is None and isinstance(error, ExceptionGroup):
        return Failure(_decisive(cast("Exception", error), classifier))
    if category is None or category.family is Family.WIRING:
        raise error
    return Failure(error)


def _decisive(group: Exception, classifier: Classifier) -> Exception:
    found: dict[Family, Exception] = {}
    for error in _members(group):
        category = classifier.of_exception(error)
        if category is None or category.family is Family.WIRING:
            raise group
        found.setdefault(category.family, error)
    return found[next(family for family in _LEAST_MENDED if family in found)]


def _members(error: Exception) -> Iterator[Exception]:
    """What a group consists of, also what groups in it do."""
    if not isinstance(error, ExceptionGroup):
        yield error
        return
    for one in cast("ExceptionGroup[Exception]", error).exceptions:
        yield from _members(one)
