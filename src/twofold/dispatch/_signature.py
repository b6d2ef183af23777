"""What a signature says: the parameters of whatever a user registers, and which of them have to be filled."""

import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace, UnionType
from typing import Any, Final, Union, cast, get_args, get_origin

from twofold.errors import Fault, FaultError, refuse_all, snake_case
from twofold.messages import Command, Context, Event, MessageType, Query

UNIONS: Final = (Union, UnionType)
"""The origins of `X | Y`, however it was written."""

_BASES: Final = (Command, Query, Event)


def name_of(target: Any, method: str = "handle") -> str:
    """Where a handler is found in Python: `module.qualified_name`, and the method unless it is `handle`."""
    return f"{_python_module(target)}.{_qualified_name(target)}" + ("" if method == "handle" else f".{method}")


def short_name_of(target: Any) -> str:
    """What people call it."""
    name: str = getattr(unbound_of(target), "__name__", None) or type(target).__name__
    return snake_case(name)


def parameters_of(function: Callable[..., Any], *, unbound: bool) -> list[inspect.Parameter]:
    """The parameters that have a name, without the `self` of an unbound method."""
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    return parameters[1:] if unbound else parameters


def lacks_self(cls: Any, method: str) -> bool:
    """Whether a method of a class is to be given its `self` yet, as one that is static is not."""
    return not isinstance(inspect.getattr_static(cls, method, None), staticmethod | classmethod)


def methods_for_messages(cls: type) -> Iterator[str]:
    """The public methods of a class that may handle a message, by their names.

    One whose annotation is not known yet may, and the start will tell.
    """
    for name, function in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_") and _may_take_message(function, unbound=lacks_self(cls, name)):
            yield name


def takes(hint: Any, message_type: type) -> bool:
    """Whether a parameter with an annotation is one for a message of a class, or of any."""
    options = _options(hint)
    return Any in options or any(one in message_type.__mro__ for one in options)


def messages_in(hint: Any) -> str:
    """The message classes that an annotation names, in words; empty when there are none."""
    classes = [one for one in _options(hint) if isinstance(one, type) and one not in _BASES]
    return " and ".join(one.__qualname__ for one in classes if MessageType.kind_of(one) is not None)


def hints_of(function: Callable[..., Any], where: str) -> dict[str, Any]:
    """The annotations of a function.

    Raises:
        FaultError: One of them cannot be resolved.
    """
    try:
        return typing.get_type_hints(inspect.unwrap(unbound_of(function)), include_extras=True)
    except NameError as error:
        unresolved = "; ".join(dict.fromkeys((str(error), *_unresolved(function))))
        text = f"has an annotation that cannot be resolved: {unresolved}"
        hint = "define or import the name at the top of its module"
        raise FaultError(where=where, code="unresolved_annotation", text=text, hint=hint) from error


def wanted_of(
    parameters: Sequence[inspect.Parameter], hints: Mapping[str, Any], where: str, untyped: list[Fault] | None = None
) -> dict[str, Any]:
    """Parameters that must be filled, by name.

    Args:
        parameters: All of them.
        hints: The annotations of the function.
        where: What the function is called.
        untyped: Where the faults are put of those with neither an annotation nor a default, each once; raised unless
            given.

    Raises:
        FaultError: There are such.
    """
    needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    hint = "annotate it with what it needs"
    found = [
        Fault(
            where=where,
            code="untyped_parameter",
            text=f"has a parameter {name!r} without annotation, so nothing can fill it",
            hint=hint,
        )
        for name in needed
        if name not in hints
    ]
    if untyped is None:
        refuse_all(found)
    else:
        untyped += [one for one in found if one not in untyped]
    return {name: hints[name] for name in needed if name in hints}


def context_parameter_of(parameters: Sequence[inspect.Parameter], hints: Mapping[str, Any]) -> str | None:
    """The parameter that takes the `Context`, when there is one."""
    return next((parameter.name for parameter in parameters if hints.get(parameter.name) is Context), None)


def refuse_mistakes(function: Callable[..., Any], where: str, *, blocking: bool) -> None:
    """Refuse what could only go wrong when it is called.

    Raises:
        FaultError: It cannot do what it says.
    """
    if blocking and inspect.iscoroutinefunction(function):
        text, hint = "is async def and says blocking=True", "make it a def, or leave blocking out"
        raise FaultError(where=where, code="async_mistake", text=text, hint=hint)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        text, hint = "yields, and would answer with a generator that nobody runs", "return one answer"
        raise FaultError(where=where, code="async_mistake", text=text, hint=hint)


def refuse_impure(function: Callable[..., Any], where: str) -> None:
    """Refuse a function that is called for its answer alone, and would not give one.

    Raises:
        FaultError: It is async, or a generator.
    """
    if inspect.iscoroutinefunction(function):
        text = f"has {function.__name__} as an async def, which nobody awaits"
        raise FaultError(where=where, code="async_mistake", text=text, hint="make it a def: it only decides or folds")
    refuse_mistakes(function, where, blocking=False)


def function_of(target: Any) -> Callable[..., Any]:
    """The function that has the signature of something that can be called."""
    function: Callable[..., Any] = target if inspect.isroutine(unbound_of(target)) else target.__call__
    return function


def unbound_of(target: Any) -> Any:
    """The function inside a `functools.partial`."""
    return unbound_of(cast("Any", target).func) if isinstance(target, functools.partial) else target


def _may_take_message(method: Callable[..., Any], *, unbound: bool) -> bool:
    parameters = parameters_of(method, unbound=unbound)
    if not parameters:
        return False
    try:
        hint = typing.get_type_hints(method).get(parameters[0].name)
    except NameError:
        return True
    found = get_origin(hint) or hint
    return not isinstance(found, type) or MessageType.kind_of(found) is not None


def _unresolved(function: Callable[..., Any]) -> Iterator[str]:
    """What is wrong with each annotation of a function by itself; nothing where it has its names from elsewhere."""
    plain = inspect.unwrap(unbound_of(function))
    names: dict[str, Any] | None = getattr(plain, "__globals__", None)
    for hint in () if names is None else plain.__annotations__.values():
        try:
            typing.get_type_hints(SimpleNamespace(__annotations__={"it": hint}), names)
        except NameError as error:
            yield str(error)


def _options(hint: Any) -> list[Any]:
    return [get_origin(one) or one for one in (get_args(hint) if get_origin(hint) in UNIONS else (hint,))]


def _python_module(target: Any) -> str:
    return getattr(unbound_of(target), "__module__", None) or type(target).__module__


def _qualified_name(target: Any) -> str:
    return getattr(unbound_of(target), "__qualname__", None) or type(target).__qualname__
