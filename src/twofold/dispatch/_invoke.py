"""The innermost call of every pipeline: get the handler ready, validate, handle, and answer with a Result.

What the handler raises becomes a Failure when it is twofold's own or classified; anything else is a bug and propagates.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MethodType
from typing import Any, NamedTuple, TypeAlias

from twofold.dispatch._handler import Handler
from twofold.dispatch._handlers import NEVER_INSIDE, SUCCESS, as_result, checked, lend_tools
from twofold.dispatch._pipeline import Next, failure_of
from twofold.dispatch._signature import name_of
from twofold.dispatch._tools import close_facts, open_facts
from twofold.errors import Classifier
from twofold.messages import Context
from twofold.result import Result

Runner: TypeAlias = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a `def` handler somewhere else: in a thread, or where its session lives."""


@dataclass(frozen=True, slots=True)
class Binding:
    """How a handler comes by its dependencies.

    Args:
        bind: Gives an instance of a class with the arguments of its method, or only the arguments of what is there.
        scoped: Whether it needs a scope of its own for every message.
        waits: Whether what `bind` gives has to be awaited.
        asks_anew: Whether it is asked for every message, though no scope is opened.
    """

    bind: Callable[[], Any]
    scoped: bool = False
    waits: bool = False
    asks_anew: bool = False

    @property
    def lasts(self) -> bool:
        """Whether what `bind` gives is for all messages."""
        return not (self.scoped or self.asks_anew)


class Filled(NamedTuple):
    """What is called, and the dependencies that it takes beside the message."""

    target: Any
    arguments: Mapping[str, Any]


def innermost(handler: Handler, binding: Binding, classifier: Classifier, runner: Runner | None) -> Next:
    """The call that a pipeline is folded around.

    Args:
        handler: The handler.
        binding: Gives it its dependencies.
        classifier: Tells failures from bugs.
        runner: Where a `def` runs; inline when None.
    """
    if runner is None and handler.blocking:
        runner = asyncio.to_thread
    if handler.is_async and not handler.is_class and inspect.isroutine(handler.target):
        is_bare = not (handler.called_with or handler.context_parameter) and handler.id == name_of(handler.target)
        return MethodType(_bare(classifier), handler.target) if is_bare else _plain(handler, binding, classifier)
    return _full(handler, binding, classifier, runner)


@functools.lru_cache(maxsize=8)
def _bare(classifier: Classifier) -> Callable[..., Awaitable[Result[Any, Any]]]:
    """The shortest way, for an async function of the message, which it is bound to as to its `self`.

    All handlers of an application share it. What each of them has to itself is fetched from memory for every message
    where there are many, and here that is one small object.
    """

    async def call(function: Callable[[Any], Awaitable[Any]], message: Any, context: Context) -> Result[Any, Any]:
        try:
            answer = await function(message)
        except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
            return failure_of(error, classifier)
        # Said here what `as_result` would say, which costs a call; and `answer.value` costs another one.
        sound = type(answer) is SUCCESS and type(answer._value) not in NEVER_INSIDE
        return answer if sound else as_result(answer, function)

    return call


def _plain(handler: Handler, binding: Binding, classifier: Classifier) -> Next:
    """The short way, for an async function with dependencies: it has no `validate`, and no tools of its own."""
    function, context_parameter, lasts = handler.target, handler.context_parameter, binding.lasts
    fixed: Mapping[str, Any] | None = None

    async def call(message: Any, context: Context) -> Result[Any, Any]:
        nonlocal fixed
        try:
            arguments = fixed
            if arguments is None:
                arguments = (await binding.bind()) if binding.waits else binding.bind()
                if lasts:
                    fixed = arguments
            if context_parameter is None:
                answer: Any = await function(message, **arguments)
            else:
                answer = await function(message, **{context_parameter: context, **arguments})
        except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
            return failure_of(error, classifier)
        sound = type(answer) is SUCCESS and type(answer._value) not in NEVER_INSIDE
        return answer if sound else as_result(answer, handler.id)

    return call


def _full(handler: Handler, binding: Binding, classifier: Classifier, runner: Runner | None) -> Next:
    fixed: Filled | None = None
    has_validate = handler.method == "handle" and hasattr(handler.target, "validate")

    async def ready() -> Filled:
        nonlocal fixed
        if fixed is not None:
            return fixed
        found = (await binding.bind()) if binding.waits else binding.bind()
        filled = found if isinstance(found, Filled) else Filled(handler.target, found)
        lend_tools(filled.target, handler.tools)
        if binding.lasts:
            fixed = filled
        return filled

    async def call(message: Any, context: Context) -> Result[Any, Any]:
        token = open_facts()
        try:
            target, arguments = await ready()
            if has_validate:
                refusal = await checked(target.validate(message), handler.id)
                if refusal is not None:
                    return refusal
            function = getattr(target, handler.method, target)
            extra = {**arguments, handler.context_parameter: context} if handler.context_parameter else arguments
            if runner is not None and not handler.is_async:
                answer = await runner(functools.partial(function, message, **extra))
            else:
                answer = function(message, **extra)
            if inspect.isawaitable(answer):
                answer = await answer
        except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
            return failure_of(error, classifier)
        finally:
            close_facts(token)
        return as_result(answer, handler.id)

    return call
