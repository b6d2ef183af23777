"""What a handler answers, and what its message promises that it does; both may be written in several ways."""

import sys
from collections.abc import Iterator
from types import NoneType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from twofold.dispatch._handler import Handler
from twofold.dispatch._signature import UNIONS
from twofold.errors import TwofoldError
from twofold.messages import Command, Query
from twofold.result import Failure, Result, Success


def annotated_answer(handler: Handler) -> Any:
    """The type of a handler's Success, as annotated; Any when it is not."""
    return _success(handler.answers)


def promised_answer(message_type: type) -> Any:
    """`R` of `class X(Command[R])`; Any when the class says nothing."""
    for ancestor in message_type.__mro__:
        for base in getattr(ancestor, "__orig_bases__", ()):
            if get_origin(base) in (Command, Query):
                return _success(_resolved(get_args(base)[0], ancestor))
    return Any


def answered_type(handler: Handler) -> Any:
    """The type of a Success of a handler: as annotated, else as its message promises, else anything."""
    annotated = annotated_answer(handler)
    return promised_answer(handler.message_type) if annotated is Any else annotated


def declared_errors(handler: Handler) -> list[type[TwofoldError]]:
    """The classes of twofold's errors that a handler or its message says it fails with, the family itself left out."""
    hints = [*_failures(handler.answers)]
    for ancestor in handler.message_type.__mro__:
        for base in getattr(ancestor, "__orig_bases__", ()):
            if get_origin(base) in (Command, Query):
                hints += [*_each(_resolved(get_args(base)[-1], ancestor))]
    known = [
        one for one in hints if isinstance(one, type) and issubclass(one, TwofoldError) and one is not TwofoldError
    ]
    return [*dict.fromkeys(known)]


def contradicts(handler: Handler) -> bool:
    """Whether a handler says that it answers something else than its message promises.

    Only plain classes are compared; what is generic or a union is left to the type checker.
    """
    answer, promise = annotated_answer(handler), promised_answer(handler.message_type)
    if not (_is_plain(answer) and _is_plain(promise)):
        return False
    return not issubclass(answer, promise) and not issubclass(promise, answer)


def _is_plain(hint: Any) -> bool:
    return isinstance(hint, type) and hint is not Any and not get_args(hint)


def _success(hint: Any) -> Any:
    """`T` of `T`, `Result[T, E]`, `Success[T]` and `Success[T] | Failure[E]`."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is None:
        return NoneType
    if origin in (Result, Success):
        return _success(args[0])
    if hint in (Result, Success, Failure):
        return Any
    if origin in UNIONS:
        kept = [_success(one) for one in args if get_origin(one) is not Failure and one is not Failure]
        return cast("Any", Union)[tuple(kept)] if kept else Any
    return hint


def _failures(hint: Any) -> Iterator[Any]:
    """Each class of `E` of `Result[T, E]` and `Success[T] | Failure[E]`."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Failure or (origin is Result and len(args) > 1):
        yield from _each(args[-1])
    elif origin in UNIONS:
        for one in args:
            yield from _failures(one)


def _each(hint: Any) -> Iterator[Any]:
    """The classes of a union, or the one that there is."""
    yield from get_args(hint) if get_origin(hint) in UNIONS else (hint,)


def _resolved(hint: Any, cls: type) -> Any:
    """A type that may be written as text, in the names of the Python module of a class."""

    def promise() -> None: ...

    promise.__annotations__ = {"return": hint}
    try:
        return get_type_hints(promise, globalns=vars(sys.modules[cls.__module__]), include_extras=True)["return"]
    except NameError:
        return Any
