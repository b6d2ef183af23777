"""Base classes for those who write handlers as classes, with the tools that come with them at no ceremony.

Deriving is a choice: a plain function or any class with `handle` does as well. A subclass need not call
`super().__init__()`; the tools are made when they are first asked for.
"""

import asyncio
import inspect
import logging
from types import CoroutineType
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from twofold.dispatch._signature import name_of
from twofold.dispatch._tools import ContextStack, Metrics, Tools, Tracked
from twofold.errors import Invalid, WiringError, snake_case
from twofold.messages import Context, Kind, current_context
from twofold.result import Failure, Result, Success

M = TypeVar("M", contravariant=True)
R = TypeVar("R")

NEVER_INSIDE: frozenset[type[Any]] = frozenset((Success, Failure, CoroutineType, asyncio.Future, asyncio.Task))
"""What no Success is of: told by its exact type, since that is looked at for every message."""

SUCCESS: type[Any] = Success
_DONE: Final = Success(None)
FAILURE: type[Any] = Failure
RESULTS: tuple[type[Any], ...] = (Success, Failure)
_TOOLS = "__twofold_tools__"


class HandlerConfig(NamedTuple):
    """What a handler is called.

    Args:
        id: Unique in its application; its Python path unless given.
        name: For people; the class name in snake case unless given.
        kind: The kind of message it handles; read off its base class unless given.
    """

    id: str | None = None
    name: str | None = None
    kind: Kind | None = None


class _Handling(Generic[M, R]):
    """What handlers of all kinds have: `validate` then `handle` under one `execute`, and tools."""

    config: HandlerConfig | None = None

    def __init__(self, *, config: HandlerConfig | None = None) -> None:
        if config is not None:
            self.config = config

    async def handle(self, message: M) -> Any:
        """Handle a message that passed `validate`; a bare value, a Result, or an error raised."""
        raise TypeError(f"{type(self).__qualname__} has no handle(message)")

    def validate(self, message: M) -> Any:
        """Check a message beyond its types: None or True pass, False or a Failure stop; may be async, may raise."""
        return None

    async def execute(self, message: M) -> Result[R, Any]:
        """Validate, then handle; the first failure stops.

        Args:
            message: What to handle.

        Returns:
            What `handle` answers, as a Success or a Failure.

        Raises:
            WiringError: `validate` answered what is no verdict.
        """
        where = name_of(self)
        refusal = await checked(self.validate(message), where)
        if refusal is not None:
            return refusal
        answer = self.handle(message)
        if inspect.isawaitable(answer):
            answer = await answer
        return as_result(answer, where)

    @property
    def tools(self) -> Tools:
        """Logger, metrics and context stack in one."""
        tools = self.__dict__.get(_TOOLS)
        if tools is None:
            name = (self.config and self.config.name) or snake_case(type(self).__name__)
            tools = self.__dict__[_TOOLS] = Tools(name)
        return cast("Tools", tools)

    @property
    def logger(self) -> logging.Logger:
        """The handler's own logger."""
        return self.tools.logger

    @property
    def metrics(self) -> Metrics:
        """Numbers that the handler counts."""
        return self.tools.metrics

    @property
    def context(self) -> ContextStack:
        """Facts bound to the log lines of this task."""
        return self.tools.context

    @property
    def message_context(self) -> Context | None:
        """The metadata of the message being handled; None outside a dispatch."""
        return current_context()

    def track(self, operation: str) -> Tracked:
        """Count and time a block: `with self.track("charge_card"): ...`."""
        return self.tools.track(operation)


class CommandHandler(_Handling[M, R]):
    """Handles one type of command.

    Example:
        >>> class OpenAccountHandler(CommandHandler[OpenAccount, UUID]):
        ...     async def handle(self, message: OpenAccount) -> Result[UUID]:
        ...         with self.track("open"):
        ...             return Success(new_id())
    """


class QueryHandler(_Handling[M, R]):
    """Handles one type of query."""


class EventHandler(_Handling[M, None]):
    """Handles one type of event, beside any other handlers of it."""


async def checked(verdict: Any, where: str) -> Failure[Any] | None:
    """What a `validate` says: None when the message may pass, else the Failure that stops it.

    Args:
        verdict: What it answered.
        where: The handler it belongs to.

    Raises:
        WiringError: The verdict is neither yes nor no, or a Failure of a class.
    """
    if inspect.isawaitable(verdict):
        verdict = await verdict
    if isinstance(verdict, SUCCESS):
        verdict = False if verdict.value is False else None
    if verdict is None or verdict is True:
        return None
    if verdict is False:
        return Failure(Invalid("the message was found invalid"))
    if isinstance(verdict, FAILURE):
        return of_an_error(verdict, f"the validate of {where}")
    kind = type(verdict).__qualname__
    raise WiringError(f"the validate of {where} answered a {kind}: it answers a bool, None, or a Result")


def is_unwritten(handle: object) -> bool:
    """Whether a `handle` is the one that the base classes only promise."""
    return getattr(handle, "__func__", handle) is _Handling[Any, Any].handle


def as_result(answer: Any, who: object, what: str = "handler") -> Result[Any, Any]:
    """What was answered, as a Result: a bare value is a Success.

    Args:
        answer: The answer.
        who: What has answered, or its name.
        what: What that is.

    Raises:
        WiringError: Nobody means to answer that: what was not awaited, an exception, a Result inside a Result, or a
            Failure of a class.
    """
    if answer is None:  # most commands answer that
        return _DONE
    if isinstance(answer, FAILURE):
        return of_an_error(answer, f"the {what} {_named(who)}") if isinstance(answer.error, type) else answer
    is_success = isinstance(answer, SUCCESS)
    value = answer.value if is_success else answer
    if is_success and type(value) not in NEVER_INSIDE:
        return cast("Success[Any]", answer)
    if inspect.isawaitable(value):
        hint = "await it"
    elif is_success:
        hint = "answer the inner one alone"
    elif isinstance(value, BaseException):
        hint = "raise it, or answer a Failure of it"
    else:
        return Success(value)
    if inspect.iscoroutine(value):
        value.close()
    kind = f"{'a Success of ' if is_success else ''}a {type(value).__qualname__}"
    raise WiringError(f"the {what} {_named(who)} answered {kind}: {hint}")


def _named(who: object) -> str:
    return who if isinstance(who, str) else name_of(who)


def of_an_error(failure: Failure[Any], whose: str) -> Failure[Any]:
    """A Failure that was answered.

    Args:
        failure: The Failure.
        whose: Who has answered it, in words.

    Raises:
        WiringError: It is one of a class.
    """
    error = failure.error
    if isinstance(error, type):
        name = error.__qualname__
        raise WiringError(f"{whose} answered a Failure of the class {name}: make one: Failure({name}(...))")
    return failure


def lend_tools(handler: object, tools: Tools) -> None:
    """Give a handler made by the container the tools of its registration, so that its numbers outlive it."""
    if isinstance(handler, _Handling):
        handler.__dict__[_TOOLS] = tools
